import CLibFuzzer
import Foundation

/// `Fuzz TARGET [libFuzzer's options and corpus directories]`; `Fuzz seeds DIRECTORY` writes the seed corpus.
///
/// One executable for all targets, since linking one takes long. Files go to `TMPDIR`.
@main
enum Main {
    static let targets: [String: any Target.Type] = [
        "header": HeaderTarget.self, "npy": NPYTarget.self, "fvecs": FVECSTarget.self, "jsonl": JSONLinesTarget.self,
        "csv": CSVTarget.self,
        "json": JSONTarget.self, "rows": JSONRowsTarget.self, "npz": NPZTarget.self, "sqlite": SQLiteTarget.self,
        "filter": FilterTarget.self, "store": StoreTarget.self, "directory": DirectoryTarget.self,
    ]

    /// It is set once, before the first call of libFuzzer, which works on this thread.
    nonisolated(unsafe) private static var target: (any Target)?

    static func main() throws {
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[1] == "seeds" { return try writeSeeds(to: arguments[2]) }
        guard arguments.count > 1, let type = targets[arguments[1]] else {
            print(
                "usage: Fuzz TARGET [options] [directories], TARGET one of \(targets.keys.sorted().joined(separator: ", "))"
            )
            exit(64)
        }
        unsafe target = try type.init()
        // libFuzzer takes arguments without a minus as directories or files, so the target's name must be removed.
        var pointers = unsafe arguments.enumerated().filter { $0.offset != 1 }.map { unsafe strdup($0.element) } + [nil]
        var count = Int32(arguments.count - 1)
        let status = unsafe pointers.withUnsafeMutableBufferPointer { buffer in
            var base = buffer.baseAddress
            return unsafe LLVMFuzzerRunDriver(&count, &base) { bytes, size in
                unsafe Main.run(Array(UnsafeBufferPointer(start: bytes, count: size)))
                return 0
            }
        }
        exit(status)
    }

    /// An error that a target throws is a finding: it ends the process, and libFuzzer keeps the input.
    private static func run(_ input: [UInt8]) {
        do { try unsafe target?.run(input) } catch { fatalError("finding: \(error)") }
    }

    private static func writeSeeds(to directory: String) throws {
        for (name, target) in targets {
            let path = "\(directory)/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for (index, seed) in try target.seeds().enumerated() {
                try Data(seed).write(to: URL(fileURLWithPath: "\(path)/seed-\(index)"))
            }
        }
    }
}
