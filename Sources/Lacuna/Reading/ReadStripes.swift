import CLacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Records which rows the reading threads of this process hold, in sixteen stripes. A thread uses one stripe only, so
/// that few readers share a cache line that they write to. A change for all readers takes the locks of all sixteen.
///
/// `@unchecked Sendable`: `memory` doesn't change, and each stripe in it is guarded by its own lock.
@safe
package final class ReadStripes: @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer

    private static let count = 16
    /// Cache lines come in pairs of 64 bytes.
    private static let alignment = 128
    private static let stride = (ReadStripe.size + alignment - 1) / alignment * alignment

    package init() {
        unsafe memory = .allocate(byteCount: Self.count * Self.stride, alignment: Self.alignment)
        for number in 0..<Self.count { unsafe ReadStripe.initialize(memory + number * Self.stride) }
    }

    deinit {
        for stripe in stripes { stripe.deinitialize() }
        unsafe memory.deallocate()
    }

    @inline(__always)
    private func stripe(_ number: Int) -> ReadStripe { unsafe ReadStripe(memory + number * Self.stride) }

    private var stripes: some Sequence<ReadStripe> { (0..<Self.count).lazy.map(stripe) }

    /// The calling thread's stripe.
    @inline(__always)
    var mine: ReadStripe { stripe(Int(lacuna_thread_number() % UInt64(Self.count))) }

    /// Calls `body` while no reader is between finding rows and holding them.
    func withAllLocked<R>(_ body: () -> R) -> R {
        for stripe in stripes { stripe.lock() }
        defer { for stripe in stripes { stripe.unlock() } }
        return body()
    }

    /// Sets the rows that readers find from now on. Readers that hold other rows go on with those. Call it inside
    /// ``withAllLocked(_:)``.
    func setCurrent(_ rows: MappedRows?) {
        for stripe in stripes { stripe.setCurrent(rows) }
    }

    /// Whether nobody holds rows of the epoch, or of an earlier one, any more. Waits for `seconds` at most.
    func areDrained(through epoch: Int64, within seconds: Double) -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        for stripe in stripes {
            while !stripe.isDrained(through: epoch) {
                if ContinuousClock.now >= deadline { return false }
                usleep(500)
            }
        }
        return true
    }

    /// Whether anybody has read by the current rows since the last call.
    func takeUsed() -> Bool {
        var wasUsed = false
        for stripe in stripes { if stripe.takeUsed() { wasUsed = true } }
        return wasUsed
    }

    /// The number of reads so far.
    var reads: Int { stripes.reduce(0) { $0 + $1.reads } }

    // MARK: Threads inside a read

    func enter() {
        let stripe = mine
        stripe.lock()
        stripe.enter()
        stripe.unlock()
    }

    func leave() {
        let stripe = mine
        stripe.lock()
        stripe.leave()
        stripe.unlock()
    }

    /// Whether the calling thread is inside a read. If so, it must neither write nor close.
    var containsCurrentThread: Bool {
        let stripe = mine
        stripe.lock()
        defer { stripe.unlock() }
        return stripe.containsCurrentThread
    }
}

/// One stripe. Use everything except its lock between ``lock()`` and ``unlock()``.
@safe
struct ReadStripe {
    @safe
    private struct State {
        var mutex = unsafe pthread_mutex_t()
        var current: Unmanaged<MappedRows>?
        /// The number of readers that hold `current`.
        var pins = 0
        /// The other rows that readers still hold, with the number of those readers.
        var older: [(rows: MappedRows, pins: Int)] = []
        /// Whether anybody has read since the last `takeUsed`.
        var wasUsed = false
        /// The number of reads so far.
        var reads = 0
        /// One entry for each read, since a thread may be inside several.
        var threads: [UInt64] = []
    }

    private let state: UnsafeMutablePointer<State>

    static var size: Int { MemoryLayout<State>.size }

    fileprivate init(_ memory: UnsafeMutableRawPointer) { unsafe state = memory.assumingMemoryBound(to: State.self) }

    fileprivate static func initialize(_ memory: UnsafeMutableRawPointer) {
        let state = unsafe memory.initializeMemory(as: State.self, to: State())
        unsafe pthread_mutex_init(&state.pointee.mutex, nil)
    }

    fileprivate func deinitialize() {
        unsafe state.pointee.current?.release()
        unsafe pthread_mutex_destroy(&state.pointee.mutex)
        unsafe state.deinitialize(count: 1)
    }

    @inline(__always)
    func lock() { unsafe pthread_mutex_lock(&state.pointee.mutex) }
    @inline(__always)
    func unlock() { unsafe pthread_mutex_unlock(&state.pointee.mutex) }

    // MARK: Rows

    /// The rows that the stripe's readers find; nil if they must use the index. The stripe holds the rows while they
    /// are current or pinned, so readers need not count references.
    @inline(__always)
    var current: Unmanaged<MappedRows>? { unsafe state.pointee.current }

    @inline(__always)
    func pinCurrent() { unsafe state.pointee.pins += 1 }

    @inline(__always)
    func markUsed() { unsafe state.pointee.wasUsed = true }

    /// Takes the lock itself.
    fileprivate func takeUsed() -> Bool {
        lock()
        defer { unlock() }
        defer { unsafe state.pointee.wasUsed = false }
        return unsafe state.pointee.wasUsed
    }

    @inline(__always)
    func unpin(_ rows: Unmanaged<MappedRows>) {
        if unsafe state.pointee.current?.toOpaque() == rows.toOpaque() {
            unsafe state.pointee.pins -= 1
        } else {
            unsafe unpinOlder(rows)
        }
    }

    private func unpinOlder(_ rows: Unmanaged<MappedRows>) {
        let index = unsafe state.pointee.older.firstIndex {
            unsafe Unmanaged.passUnretained($0.rows).toOpaque() == rows.toOpaque()
        }
        guard let index else { return }
        unsafe state.pointee.older[index].pins -= 1
        if unsafe state.pointee.older[index].pins == 0 { unsafe state.pointee.older.remove(at: index) }
    }

    fileprivate func setCurrent(_ rows: MappedRows?) {
        if let current = unsafe state.pointee.current {
            let held = unsafe current.takeRetainedValue()
            if unsafe state.pointee.pins > 0 { unsafe state.pointee.older.append((held, state.pointee.pins)) }
        }
        unsafe state.pointee.current = rows.map { unsafe Unmanaged.passRetained($0) }
        unsafe state.pointee.pins = 0
    }

    /// Takes the lock itself.
    fileprivate func isDrained(through epoch: Int64) -> Bool {
        lock()
        defer { unlock() }
        if let current = unsafe state.pointee.current, unsafe state.pointee.pins > 0 {
            let isPast = unsafe current._withUnsafeGuaranteedRef { $0.epoch > epoch }
            if !isPast { return false }
        }
        return unsafe state.pointee.older.allSatisfy { $0.rows.epoch > epoch }
    }

    // MARK: Threads

    @inline(__always)
    func enter() {
        unsafe state.pointee.reads += 1
        unsafe state.pointee.threads.append(lacuna_thread_number())
    }

    /// The number of reads so far. Takes the lock itself.
    fileprivate var reads: Int {
        lock()
        defer { unlock() }
        return unsafe state.pointee.reads
    }

    @inline(__always)
    func leave() {
        let thread = lacuna_thread_number()
        let last = unsafe state.pointee.threads.lastIndex(of: thread)
        if let last { unsafe state.pointee.threads.remove(at: last) }
    }

    fileprivate var containsCurrentThread: Bool {
        let thread = lacuna_thread_number()
        return unsafe state.pointee.threads.contains(thread)
    }
}
