// The bug story: a search remembered which rows pass a filter, then a commit changed a row's metadata. The commit told
// the memory of it only after readers could see it, so a search in between remembered the old rows as the new state's,
// and never looked at that row again.

import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite struct RememberedChangesTests {
    /// The step after a commit, the writing of its mark, fails. Readers see the commit, and so must a remembered filter.
    @Test func aCommitWhoseMarkFails() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let configuration = VectorStoreConfiguration(dimension: 2, metric: .dot)
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: configuration,
                    fileSystem: disk.fileSystem
                )
                try store.write { batch in
                    for id in Int64(1)...50 { try batch.put([1, Float(id)], for: id, metadataJSON: #"{"n": 0}"#) }
                }
                let filter: Filter = "metadata ->> 'n' = 1"
                func found() throws -> ([Int64], SearchReport.Plan) {
                    let (matches, report) = try store.explainedSearch(forEach: [[1, 1]], limit: 5, where: filter)
                    return (matches[0].map(\.id), report.plan)
                }
                #expect(try found() == ([], .filterFirst))
                #expect(try found() == ([], .rememberedFilter))
                // The next commit begins a new log, and writes the mark.
                _ = try store.writing().turn { try $0.log.empty() }
                disk.inject(
                    DiskFault(errno: EIO, matches: { $0.name == StorePaths.writerLockName && $0.kind == .write })
                )
                expectError(.ioError) { try store.setMetadataJSON(#"{"n": 1}"#, for: 7) }
                #expect(disk.failures == 1)
                disk.inject(nil)
                #expect(try store.metadataJSON(for: 7) == #"{"n": 1}"#)
                #expect(try found().0 == [7])
            }
        }
    }
}
