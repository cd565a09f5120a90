// The bug story: error paths that no test had ever taken. The disk was full in the middle of a compaction; a read of
// the journal failed while the store was opened; a sync failed although its bytes were on the disk. Then the handle
// went on as if nothing had happened, or the next open could not put the store in order.

import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Makes every single operation of a call fail, in several ways.
@Suite struct FaultExplorationTests {
    /// The error of an operation, and the number of operations in a row that fail: so the retry fails too, or the
    /// cleaning up, or everything until the call returns.
    struct Fault: Sendable, CustomStringConvertible {
        let errno: Int32
        let times: Int
        var reachesDisk = false

        var isFull: Bool { errno != EIO }
        var description: String {
            "errno \(errno), \(times == .max ? "for good" : "\(times) times")\(reachesDisk ? ", the bytes written" : "")"
        }

        static let all = [
            Fault(errno: ENOSPC, times: 1), Fault(errno: ENOSPC, times: 2), Fault(errno: ENOSPC, times: 3),
            Fault(errno: EDQUOT, times: .max), Fault(errno: EIO, times: 1), Fault(errno: EIO, times: .max),
            Fault(errno: EIO, times: 1, reachesDisk: true),
        ]

        /// Syncs and removals can't meet a full disk, and only syncs may have worked although they failed.
        func applies(_ operation: DiskOperation) -> Bool {
            if reachesDisk { return operation.kind == .sync }
            return !isFull || [.create, .write, .allocate, .punch].contains(operation.kind)
        }

        func onDisk(skipping count: Int) -> DiskFault {
            DiskFault(errno: errno, skipping: count, times: times, reachesDisk: reachesDisk, matches: applies)
        }
    }

    /// The target of the faults: a call on an open store, or opening a store that a crash has left.
    enum Target: Sendable, CustomStringConvertible {
        case call(Scenario)
        case opening(after: Scenario)

        static let all =
            Scenario.allCases.map(Target.call)
            + [.put, .delete, .rewrite, .inPlace, .punch, .erase, .reembed].map(Target.opening)

        var description: String {
            switch self {
            case .call(let scenario): "\(scenario)"
            case .opening(let scenario): "opening after a crash in \(scenario)"
            }
        }
    }

    static let dimension = 1_024

    /// This is one test, and not one for each call, because it asserts the counts of all of them in the end.
    @Test func everyOperationFails() async throws {
        let counts = try await onTwoThreads(Target.all) { target in
            let faults = try Fault.all.map { fault in
                switch target {
                case .call(let scenario): try failCall(scenario, fault)
                case .opening(let scenario): try failOpening(after: scenario, fault)
                }
            }
            print("faults, \(target): \(faults.reduce(0, +)) injected")
            return faults.reduce(0, +)
        }
        let total = counts.reduce(0) { $0 + $1.result }
        print("faults, all calls: \(total) injected")
        #expect(total >= 5_000)
    }

    /// Below the simulated disk: a signal that interrupts a system call is no error of the disk.
    @Test func interruptedCallsAreMadeAgain() throws {
        var calls = 0
        let result = try SystemFileSystem.check("read", "") {
            calls += 1
            errno = EINTR
            return calls < 4 ? -1 : 7
        }
        #expect(result == 7 && calls == 4)
        let error = #expect(throws: SystemError.self) {
            try SystemFileSystem.check("read", "") {
                errno = EIO
                return -1
            }
        }
        #expect(error?.errno == EIO)
    }

    /// Calls `body` for each operation that may fail, until none has failed; returns how many have failed.
    private func forEachOperation(_ what: String, _ body: (Int) throws -> Bool) throws -> Int {
        var count = 0
        while true {
            do { if try !body(count) { return count } } catch {
                Issue.record("operation \(count) of \(what): \(error)")
            }
            count += 1
            if count > 5_000 { return count }
        }
    }

    // MARK: Opening

    private func failOpening(after scenario: Scenario, _ fault: Fault) throws -> Int {
        let (moments, states) = try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
                disk.note(Progress(acknowledged: 0, inFlight: 1))
                disk.record()
                try scenario.call(store, dimension: Self.dimension)
                return (disk.moments, [before, scenario.result(before, dimension: Self.dimension)])
            }
        }
        // One moment in the beginning, one in the middle and one at the end, since recovery depends on how far the call
        // was.
        let chosen = [moments.count / 4, moments.count / 2, moments.count - 2].map { moments[$0] }
        return try chosen.reduce(0) { sum, moment in
            let what = "opening after \(scenario) was killed before operation \(moment.operation), \(fault)"
            return try sum
                + forEachOperation(what) { count in
                    try TestDisk.killed(at: moment) { disk in
                        disk.inject(fault.onDisk(skipping: count))
                        do {
                            try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem).close()
                        } catch let error as VectorStoreError {
                            #expect(
                                [.diskFull, .ioError].contains(error.code),
                                "\(what), operation \(count): \(error)"
                            )
                        }
                        let failed = disk.failures > 0
                        disk.inject(nil)
                        disk.note(moment.progress)
                        try RecoveredStore.check(disk, states, moment.progress, dimension: Self.dimension)
                        return failed
                    }
                }
        }
    }

    // MARK: Calls

    private func failCall(_ scenario: Scenario, _ fault: Fault) throws -> Int {
        try forEachOperation("\(scenario), \(fault)") { count in
            try TestFiles.withDirectory { parent in
                try TestDisk.with(parent + "/store") { try fail(scenario, fault, at: count, $0) }
            }
        }
    }

    /// Returns whether an operation has failed; if not, the call had fewer operations.
    private func fail(_ scenario: Scenario, _ fault: Fault, at count: Int, _ disk: TestDisk) throws -> Bool {
        let states: [CrashModel]
        var progress = Progress(acknowledged: 0)
        var failed = false
        var hasGoneOn = false
        do {
            let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
            states = [before, scenario.result(before, dimension: Self.dimension)]
            disk.inject(fault.onDisk(skipping: count))
            var thrown: VectorStoreError?
            do {
                try scenario.call(store, dimension: Self.dimension)
                progress.acknowledged = 1
            } catch let error as VectorStoreError { thrown = error }
            failed = disk.failures > 0
            disk.inject(nil)
            // The store must be readable at once, with the acknowledged contents and no others. A commit whose sync
            // failed may be there, whole; and the rows that are to be erased are deleted first.
            let found = try CrashModel(of: store)
            if thrown?.code == .ioError || thrown != nil && scenario == .erase { progress.inFlight = 1 }
            guard found == states[progress.acknowledged] || found == progress.inFlight.map({ states[$0] }) else {
                throw CrashModel.Mismatch(what: "\(found.difference(from: states[progress.acknowledged]))")
            }
            if let thrown { try checkFailure(thrown, scenario, fault, store, disk) }
            hasGoneOn = thrown?.code != .ioError
            if hasGoneOn {
                try goOn(store)
                try RecoveredStore.checkOrder(store, disk)
            }
        }
        #expect(TestFiles.openDescriptors(below: disk.directory) == 0, "descriptors were left open")
        var allowed = states
        if hasGoneOn { allowed = allowed.map(goneOn) }
        try RecoveredStore.check(disk, allowed, progress, dimension: Self.dimension)
        return failed
    }

    private func checkFailure(
        _ error: VectorStoreError,
        _ scenario: Scenario,
        _ fault: Fault,
        _ store: VectorStore<Int64>,
        _ disk: TestDisk
    ) throws {
        #expect(error.code == (fault.isFull ? .diskFull : .ioError), "\(error)")
        if error.code == .ioError {
            try IOFaultTests.checkRefusal(store, scenario)
        } else if scenario == .rewrite && fault.times <= 3 {
            let files = try Directory.names(disk.directory).filter { !StorePaths.isFixedName($0) }
            #expect(files == [try store.info.dataFile])
        }
    }

    /// The store goes on being written and compacted.
    private func goOn(_ store: VectorStore<Int64>) throws {
        try store.put(CrashModel.vector(500, version: 9, dimension: Self.dimension), for: 500)
        try store.delete(500)
        try store.abortReembedding()
        #expect(try store.compact(.rewrite).strategy == .rewrite)
        try store.put(CrashModel.vector(501, version: 9, dimension: Self.dimension), for: 501)
    }

    private func goneOn(_ model: CrashModel) -> CrashModel {
        var model = model
        model.put(501, CrashModel.vector(501, version: 9, dimension: Self.dimension), nil)
        return model
    }
}
