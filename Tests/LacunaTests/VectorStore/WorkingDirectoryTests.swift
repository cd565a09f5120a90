import Foundation
import Testing

@testable import Lacuna

/// The bug: a handle kept the path as it was given, and after the process had changed its working directory it read the
/// index of whatever store had the same name there.
@Suite struct WorkingDirectoryTests {
    /// The test has a process of its own, because the working directory is the same for the whole process.
    @Test func aRelativePathIsResolvedWhenTheStoreIsOpened() async {
        await #expect(processExitsWith: .success) {
            let scratch = try Scratch()
            for name in ["here", "there"] {
                try FileManager.default.createDirectory(
                    atPath: scratch.path + "/" + name,
                    withIntermediateDirectories: true
                )
            }
            try #require(FileManager.default.changeCurrentDirectoryPath(scratch.path + "/here"))
            let store = try await VectorStore<Int64>.create(at: "s", configuration: .init(dimension: 2))
            try await store.put([1, 2], for: 1)
            try await store.put([5, 6], for: 2)
            try #require(FileManager.default.changeCurrentDirectoryPath(scratch.path + "/there"))
            let other = try await VectorStore<Int64>.create(at: "s", configuration: .init(dimension: 2))
            try await other.put([3, 4], for: 9)
            try #require(try await store.ids() == [1, 2])
            try #require(try await store.vector(for: 1) == [1, 2])
            try await store.delete(1)
            try await store.compact(.rewrite)
            try #require(try await store.ids() == [2])
            try #require(try await other.ids() == [9])
        }
    }

    @Test func aStoreThatTookAnothersPlaceIsNotRead() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        try store.put([1, 2], for: 1)
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try reader.ids() == [1])
        try store.close()
        try FileManager.default.removeItem(atPath: scratch.store)
        let other = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        try other.put([3, 4], for: 1)
        // The lock files that the reader holds were removed, so no compaction would wait for it.
        expectError(.moved) { try reader.vector(for: 1) }
        try other.close()
    }
}
