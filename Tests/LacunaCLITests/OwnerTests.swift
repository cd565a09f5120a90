// The bug story: private vectors were readable by everybody after a compaction, and after root had compacted a store
// for its owner, the owner could never write to it again.

import Foundation
import Lacuna
import TestSupport
import Testing

/// A store's files keep their mode and owner, whoever works on the store.
@Suite(.timeLimit(.minutes(40))) struct OwnerTests {
    let directory: TemporaryDirectory
    let store: String
    /// Two user ids that nobody has.
    private static let (owner, stranger) = (54_321, 54_322)

    init() throws {
        directory = try TemporaryDirectory()
        store = directory / "s"
    }

    private struct Owned: Equatable {
        var mode: Int
        var user: Int
        var group: Int
    }

    private func files() throws -> [String: Owned] {
        var files: [String: Owned] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: store) {
            let attributes = try FileManager.default.attributesOfItem(atPath: store + "/" + name)
            files[name] = Owned(
                mode: attributes[.posixPermissions] as? Int ?? -1,
                user: attributes[.ownerAccountID] as? Int ?? -1,
                group: attributes[.groupOwnerAccountID] as? Int ?? -1
            )
        }
        return files
    }

    private func fill(_ path: String) throws {
        try succeed("create", path, "--dimension", "3", "--metric", "euclidean")
        try Fixture.npy(directory / "v.npy", 40)
        try succeed("import", path, directory / "v.npy")
        try succeed("delete", path, "--where", "id % 3 = 0")
    }

    private func expectAll(_ expected: Owned, _ what: String, at location: SourceLocation = #_sourceLocation) throws {
        for (name, found) in try files() {
            #expect(found == expected, "\(name) after \(what)", sourceLocation: location)
        }
    }

    /// Covers everything that makes files, also lost lock files and a crash's leftovers.
    @Test(arguments: [0o600, 0o640, 0o660]) func modesStay(_ mode: Int) throws {
        try fill(store)
        for name in try files().keys {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: store + "/" + name)
        }
        let before = try #require(try files()["index.sqlite"])
        let reader = try VectorStore<Int64>.open(at: store, access: .readOnly)
        #expect(try reader.count > 0)
        try expectAll(before, "reading")
        try reader.close()
        for lock in ["readers-0.lock", "readers-1.lock", "writer.lock"] {
            try FileManager.default.removeItem(atPath: store + "/" + lock)
        }
        for words in [["compact", store, "--strategy", "rewrite"], ["erase", store, "1"], ["put", store, "900"]] {
            try succeed(words, input: "[1, 2, 3]")
            try expectAll(before, words[0])
        }
        try succeed("delete", store, "2")
        try Fixture.killCompaction(of: store)
        #expect(try files().keys.contains("index.sqlite-wal"))
        try expectAll(before, "a crash")
        try succeed("recover", store)
        try expectAll(before, "recovery")
        #expect(try files().count == 5)
    }

    // MARK: Several users

    private static let maySwitch = geteuid() == 0 && (try? asUser(owner).run(["--version"]).status) == 0

    private static func asUser(_ user: Int) -> Program {
        Program.lacuna.started(by: Program("env", "TMPDIR=/tmp"))
            .started(by: Program("setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"))
    }

    private func run(_ user: Int, _ words: [String]) throws -> ProgramRun {
        try Self.asUser(user).run(words, input: "[1, 2, 3]")
    }

    /// The owner's store, in a directory of `directoryMode`.
    private func makeOwned(_ mode: Int, directoryMode: Int) throws -> Owned {
        try fill(store)
        let owned = Owned(mode: mode, user: Self.owner, group: Self.owner)
        for name in try files().keys {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: store + "/" + name)
            try #require(unsafe chown(store + "/" + name, uid_t(Self.owner), gid_t(Self.owner)) == 0)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
        try FileManager.default.setAttributes([.posixPermissions: directoryMode], ofItemAtPath: store)
        try #require(unsafe chown(store, uid_t(Self.owner), gid_t(Self.owner)) == 0)
        return owned
    }

    /// A daemon that has given up its privileges can't look at the path. That is no sign that the store was moved.
    @Test(.enabled(if: maySwitch, "needs a superuser and setpriv")) func aPathThatMayNoLongerBeLookedAt() throws {
        _ = try makeOwned(0o600, directoryMode: 0o700)
        let program = try Self.asUser(Self.owner)
            .start(["compact", store, "--strategy", "rewrite", "--max-rate", "100"])
        while try files()["vectors-2.f32"] == nil && program.isRunning { usleep(1_000) }
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory.path)
        #expect(program.isRunning)
        #expect(try program.finish().status == 0)
        #expect(try files()["vectors-2.f32"] != nil && files()["vectors-1.f32"] == nil)
        try succeed("verify", store)
    }

    @Test(.enabled(if: maySwitch, "needs a superuser and setpriv"), arguments: [0o600, 0o644])
    func rootLeavesTheOwnersFilesToThem(_ mode: Int) throws {
        let owned = try makeOwned(mode, directoryMode: 0o755)
        for lock in ["readers-0.lock", "readers-1.lock", "writer.lock"] {
            try FileManager.default.removeItem(atPath: store + "/" + lock)
        }
        let report = try succeed("compact", store, "--strategy", "rewrite", "--json").json()
        #expect(report["owner_kept"] as? Bool == true)
        try expectAll(owned, "root's compaction")
        try succeed("erase", store, "1")
        try succeed("put", store, "901", input: "[1, 2, 3]")
        let reader = try VectorStore<Int64>.open(at: store, access: .readOnly)
        #expect(try reader.count > 0)
        try expectAll(owned, "root's reading")
        #expect(try files().keys.contains("index.sqlite-shm"))
        try reader.close()
        for words in [["put", store, "900"], ["compact", store, "--strategy", "rewrite"], ["verify", store]] {
            let run = try run(Self.owner, words)
            #expect(run.status == 0, "\(words): \(run.error)")
        }
        try expectAll(owned, "the owner's writing")
    }

    /// A user who may only read the files, but write to the directory, leaves nothing that is in the owner's way.
    @Test(.enabled(if: maySwitch, "needs a superuser and setpriv")) func readersLeaveNothingOfTheirOwn() throws {
        let owned = try makeOwned(0o644, directoryMode: 0o777)
        for lock in ["readers-0.lock", "readers-1.lock"] {
            try FileManager.default.removeItem(atPath: store + "/" + lock)
        }
        let before = try files()
        for words in [
            ["get", store, "2"], ["list", store], ["stats", store], ["verify", store], ["map", store],
            ["search", store, "--like", "2"], ["compact", store, "--dry-run"], ["recover", store, "--dry-run"],
        ] {
            let run = try run(Self.stranger, words)
            #expect(run.status == 0, "\(words): \(run.error)")
            #expect(try files() == before, "\(words)")
        }
        let refused = try run(Self.stranger, ["put", store, "900"])
        #expect(refused.status == 77, "\(refused.error)")
        #expect(try files() == before)
        let put = try run(Self.owner, ["put", store, "900"])
        #expect(put.status == 0, "\(put.error)")
        try expectAll(owned, "the owner's writing")
        // The same holds beside a log that a crash has left.
        try Fixture.killCompaction(of: store, by: Self.asUser(Self.owner))
        let left = try files()
        #expect(left.keys.contains("index.sqlite-wal"))
        #expect(try run(Self.stranger, ["get", store, "900", "--json"]).status == 0)
        #expect(try files() == left)
        #expect(try run(Self.owner, ["recover", store]).status == 0)
        try expectAll(owned, "recovery")
    }

    /// A user who may write every file but can't give files away goes on all the same, and the answer says so.
    @Test(.enabled(if: maySwitch, "needs a superuser and setpriv")) func whoCantGiveFilesAwayGoesOn() throws {
        _ = try makeOwned(0o666, directoryMode: 0o777)
        let run = try run(Self.stranger, ["compact", store, "--strategy", "rewrite", "--json"])
        #expect(run.status == 0, "\(run.error)")
        #expect(try run.json()["owner_kept"] as? Bool == false)
        // The new file's group is another one, so the bits of the old group are given to nobody.
        #expect(try files()["vectors-2.f32"] == Owned(mode: 0o606, user: Self.stranger, group: Self.stranger))
        #expect(try self.run(Self.owner, ["put", store, "900"]).status == 0)
    }

    @Test(.enabled(if: maySwitch, "needs a superuser and setpriv"), arguments: ["vectors-1.f32", "writer.lock"])
    func errorsNameTheFile(_ name: String) throws {
        _ = try makeOwned(0o644, directoryMode: 0o755)
        try #require(unsafe chown(store + "/" + name, 0, 0) == 0)
        let run = try run(Self.owner, ["put", store, "900"])
        run.expectFailure(77, saying: name)
        #expect(run.error.contains("owner"), "\(run.error)")
    }
}
