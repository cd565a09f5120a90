import Lacuna

/// One call on the tortured store.
enum TortureCall {
    /// One transaction.
    case write([TortureChange])
    case delete([Int64])
    case erase([Int64])
    /// If `beside` is true, the calls that follow go on meanwhile.
    case compact(CompactionStrategy, beside: Bool)
    case reopen

    /// The number of changes to rows.
    var changeCount: Int {
        switch self {
        case .write(let changes): changes.count
        case .delete(let ids), .erase(let ids): ids.count
        case .compact, .reopen: 0
        }
    }

    /// The call's name in a message.
    var name: String {
        switch self {
        case .write(let changes): "a write of \(counted(changes.count, "change"))"
        case .delete(let ids): "a delete of \(counted(ids.count, "id"))"
        case .erase(let ids): "an erasure of \(counted(ids.count, "id"))"
        case .compact(let strategy, _): "a compaction (\(strategy.rawValue))"
        case .reopen: "closing and opening"
        }
    }
}

enum TortureChange {
    case put(Int64, [Float], metadata: String?, replacing: Bool)
    case setMetadata(Int64, String?)
    case delete(Int64)
}

/// The calls that a seed makes, one after the other. Each call depends only on the seed, its own number and the ids
/// that have rows when it begins, however often processes were killed before.
struct TortureWorkload {
    let seed: UInt64

    /// The rows are smaller than a disk block, as large as one, or no multiple of one.
    private static let dimensions = [16, 64, 100, 384, 1_024]
    /// All ids; their number bounds the store's size.
    private static let ids: ClosedRange<Int64> = 1...2_000

    private enum Kind {
        case put, bulkPut, mixed, setMetadata, delete, deleteAll, erase, reopen, compact

        init(_ random: inout SplitMix64) {
            switch Int.random(in: 0..<100, using: &random) {
            case ..<25: self = .put
            case ..<28: self = .bulkPut
            case ..<40: self = .mixed
            case ..<47: self = .setMetadata
            case ..<65: self = .delete
            case ..<66: self = .deleteAll
            case ..<70: self = .erase
            case ..<74: self = .reopen
            default: self = .compact
            }
        }
    }

    var dimension: Int {
        var random = SplitMix64(seed: seed, stream: 0)
        return Self.dimensions[Int.random(in: Self.dimensions.indices, using: &random)]
    }

    /// Whether the call with this number compacts or erases.
    func isMaintenance(_ number: Int) -> Bool {
        var random = SplitMix64(seed: seed, stream: UInt64(number))
        return [.compact, .erase].contains(Kind(&random))
    }

    /// The call with this number, counted from 1. `live` is the set of ids that have rows; it is brought up to date.
    func call(_ number: Int, _ live: inout Set<Int64>) -> TortureCall {
        var random = SplitMix64(seed: seed, stream: UInt64(number))
        switch Kind(&random) {
        case .put: return .write(Self.run(1...64, &random).map { put($0, number, &live, &random) })
        case .bulkPut: return .write(Self.run(500...1_500, &random).map { put($0, number, &live, &random) })
        case .mixed:
            let count = Int.random(in: 1...40, using: &random)
            return .write((0..<count).map { _ in anyChange(number, &live, &random) })
        case .setMetadata:
            let ids = Self.run(1...64, &random).filter(live.contains)
            return .write(ids.map { .setMetadata($0, Self.metadata($0, number, &random)) })
        case .delete:
            let ids = Array(Self.run(1...400, &random))
            live.subtract(ids)
            return .delete(ids)
        case .deleteAll:
            live = []
            return .delete(Array(Self.ids))
        case .erase:
            let ids = Array(Self.run(1...20, &random))
            live.subtract(ids)
            return .erase(ids)
        case .reopen: return .reopen
        case .compact:
            let strategies: [CompactionStrategy] = [.rewrite, .inPlace, .punch]
            let strategy = strategies[Int.random(in: strategies.indices, using: &random)]
            return .compact(strategy, beside: Bool.random(using: &random))
        }
    }

    /// Neighbouring ids, as many as a length in `lengths` says or fewer: rows that are put together and die together
    /// lie together in the file.
    private static func run(_ lengths: ClosedRange<Int64>, _ random: inout SplitMix64) -> ClosedRange<Int64> {
        let first = Int64.random(in: ids, using: &random)
        return first...min(ids.upperBound, first + Int64.random(in: lengths, using: &random) - 1)
    }

    private func anyChange(_ number: Int, _ live: inout Set<Int64>, _ random: inout SplitMix64) -> TortureChange {
        let id = Int64.random(in: Self.ids, using: &random)
        guard live.contains(id) else { return put(id, number, &live, &random) }
        switch Int.random(in: 0..<3, using: &random) {
        case 0: return put(id, number, &live, &random)
        case 1: return .setMetadata(id, Self.metadata(id, number, &random))
        default:
            live.remove(id)
            return .delete(id)
        }
    }

    private func put(
        _ id: Int64,
        _ number: Int,
        _ live: inout Set<Int64>,
        _ random: inout SplitMix64
    ) -> TortureChange {
        let isNew = live.insert(id).inserted
        let vector = Self.vector(dimension, &random)
        return .put(id, vector, metadata: Self.metadata(id, number, &random), replacing: !isNew)
    }

    /// Random bits that are a finite number, because one bit of the exponent is cleared.
    private static func vector(_ dimension: Int, _ random: inout SplitMix64) -> [Float] {
        (0..<dimension).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0xBFFF_FFFF) }
    }

    /// Metadata of random length, or sometimes none.
    private static func metadata(_ id: Int64, _ number: Int, _ random: inout SplitMix64) -> String? {
        let length = Int.random(in: -60...240, using: &random)
        if length < 0 { return nil }
        return "{\"row\": \(id), \"operation\":\(number),\"text\":\"\(String(repeating: "é", count: length))\"}"
    }
}
