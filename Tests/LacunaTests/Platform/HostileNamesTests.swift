// The bug story: a store's directory came from outside, and its `vectors-1.f32` was a link to another store's data
// file: erasing overwrote the other store's rows. Or `writer.lock` was a link to a file of the user's, whose first
// bytes were overwritten with a mark.

import Foundation
import TestSupport
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Names in a store's directory lead to something else than a file in it.
@Suite(.timeLimit(.minutes(40))) struct HostileNamesTests {
    enum Kind: String, CaseIterable, Sendable {
        case linkToAFile, danglingLink, linkToADirectory, linkToItself, pipe, socket, directory, device

        /// Returns false if this user isn't allowed to make one.
        func make(at path: String, _ outside: String, _ name: String) -> Bool {
            switch self {
            case .linkToAFile: return unsafe symlink("\(outside)/\(name)", path) == 0
            case .danglingLink: return unsafe symlink("\(outside)/new", path) == 0
            case .linkToADirectory: return unsafe symlink(outside, path) == 0
            case .linkToItself: return unsafe symlink(path, path) == 0
            case .pipe: return unsafe mkfifo(path, 0o644) == 0
            case .directory: return unsafe mkdir(path, 0o755) == 0
            case .device:
                #if canImport(Darwin)
                return false
                #else
                // This is the null device: reading it would be harmless, but writes to it would seem to succeed.
                return unsafe mknod(path, S_IFCHR | 0o666, 1 << 8 | 3) == 0
                #endif
            case .socket: return Self.makeSocket(at: path)
            }
        }

        private static func makeSocket(at path: String) -> Bool {
            #if canImport(Darwin)
            let descriptor = Darwin.socket(AF_UNIX, SOCK_STREAM, 0)
            #else
            let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            #endif
            defer { close(descriptor) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            let room = MemoryLayout.size(ofValue: address.sun_path)
            guard bytes.count < room else { return false }
            unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                }
            }
        }
    }

    enum Way: CaseIterable { case readOnly, info, dryRun, recover, readWrite, salvage, create }

    static let names = [
        "index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "index.sqlite-journal", "writer.lock", "readers-0.lock",
        "readers-1.lock", "vectors-1.f32",
    ]

    let scratch: Scratch
    /// Another store; the links lead to its files.
    let outside: String

    init() throws {
        scratch = try Scratch()
        outside = scratch.path + "/o"
        for path in [outside, scratch.store] {
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 2))
            try store.write { batch in for id in Int64(1)...4 { try batch.put([1, Float(id)], for: id) } }
            try store.delete([2, 3])
            try store.close()
        }
        for name in ["index.sqlite-wal", "index.sqlite-shm", "index.sqlite-journal"] {
            try write(Data(name.utf8), to: outside + "/" + name)
        }
    }

    private func outsideContents() throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: outside) {
            contents[name] = try read(outside + "/" + name)
        }
        return contents
    }

    private func open(_ way: Way) throws {
        switch way {
        case .readOnly:
            let store = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
            _ = try store.ids()
            _ = try store.verify()
            try store.close()
        case .info: _ = try VectorStoreInfo.read(at: scratch.store)
        case .dryRun, .recover:
            if let damage = try VectorStoreRecovery.recover(at: scratch.store, dryRun: way == .dryRun).damage {
                throw damage
            }
        case .readWrite:
            let store = try VectorStore<Int64>.open(at: scratch.store)
            defer { try? store.close() }
            try store.put([1, 2], for: 9, replacing: true)
            try store.erase([1])
            try store.compact(.rewrite)
        case .salvage: _ = try VectorStoreRecovery.salvage(at: scratch.store) { _ in }
        case .create: _ = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        }
    }

    @Test(arguments: names) func nothingOutsideIsTouched(_ name: String) throws {
        let before = try outsideContents()
        let path = scratch.file(name)
        try? FileManager.default.moveItem(atPath: path, toPath: scratch.path + "/original")
        for kind in Kind.allCases {
            guard kind.make(at: path, outside, name) else { continue }
            for way in Way.allCases {
                do {
                    try open(way)
                    #expect(way != .readWrite, "\(name) as \(kind): \(way) worked")
                } catch let error as VectorStoreError {
                    let codes: [VectorStoreError.Code] = way == .create ? [.alreadyExists, .damaged] : [.damaged]
                    #expect(codes.contains(error.code), "\(name) as \(kind), \(way): \(error)")
                    if way == .readWrite {
                        #expect(error.problem.contains(name), "\(name) as \(kind), \(way): \(error)")
                    }
                }
                #expect(try outsideContents() == before, "\(name) as \(kind), \(way)")
            }
            try remove(path)
        }
    }

    /// A link has the name of the next data file, so the rewrite takes another number.
    @Test func aLinkThatARewriteMeets() throws {
        try #require(unsafe symlink("\(outside)/vectors-1.f32", scratch.file("vectors-2.f32")) == 0)
        try #require(unsafe symlink("\(outside)/new", scratch.file("vectors-3.f32")) == 0)
        let before = try outsideContents()
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.compact(.rewrite).generation == 4)
        try store.put([1, 7], for: 7)
        #expect(try store.ids() == [1, 4, 7])
        try store.close()
        #expect(try VectorStoreRecovery.recover(at: scratch.store).state == .clean)
        #expect(try outsideContents() == before)
    }

    /// Many stores are reached by a link to the directory itself, and that is fine.
    @Test func aLinkToTheDirectory() throws {
        let link = scratch.path + "/link"
        try #require(unsafe symlink("test.lacuna", link) == 0)
        let store = try VectorStore<Int64>.open(at: link)
        try store.put([1, 7], for: 7)
        try store.compact(.rewrite)
        try store.close()
        let again = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try again.ids() == [1, 4, 7])
        try again.close()
    }

    // MARK: A forged journal

    /// A rollback journal that holds no page and names a file: SQLite unlinks that file once it has played the journal
    /// back.
    private func forgedJournal(naming path: String) -> Data {
        var journal: [UInt8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]
        func append(_ number: UInt32) {
            for byte in 0..<4 { journal.append(UInt8(truncatingIfNeeded: number >> (24 - 8 * byte))) }
        }
        for number: UInt32 in [0, 0, 1, 512, 4_096] { append(number) }
        journal += [UInt8](repeating: 0, count: 512 - journal.count)
        let name = Array(path.utf8)
        append(1 + (1 << 30) / 4_096)
        journal += name
        append(UInt32(name.count))
        append(name.reduce(0) { $0 + UInt32(bitPattern: Int32(Int8(bitPattern: $1))) })
        return Data(journal + [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7])
    }

    @Test(arguments: [false, true]) func aForgedJournalUnlinksNothing(_ comesLater: Bool) throws {
        // SQLite accepts the journal only if the named file looks like a journal of several databases.
        let victim = scratch.path + "/victim"
        try write(Data("precious".utf8), to: victim)
        let journal = forgedJournal(naming: victim)
        if comesLater {
            // The journal appears after the check of the names, and before the first read.
            let connection = try Connection(scratch.index, .readWrite)
            try write(journal, to: scratch.file("index.sqlite-journal"))
            expectError(.ioError) { try connection.run("SELECT * FROM store") }
        } else {
            try write(journal, to: scratch.file("index.sqlite-journal"))
            for way in Way.allCases where way != .create && way != .salvage {
                let error = expectError(.damaged, "\(way)") { try open(way) }
                #expect(error?.problem.contains("index.sqlite-journal") == true)
            }
        }
        #expect(try read(victim) == Data("precious".utf8))
        #expect(try read(scratch.file("index.sqlite-journal")) == journal)
    }
}
