import Testing

@testable import Lacuna

/// An error's parts, and the line and the call names that are made of them.
@Suite struct ErrorTests {
    private let codes: [VectorStoreError.Code] = [
        .invalidArgument, .invalidVector, .invalidMetadata, .invalidFilter, .duplicateID, .unknownID, .invalidID,
        .noSuchStore,
        .notAStore, .alreadyExists, .locked, .busy, .readOnly, .permissionDenied, .diskFull, .tooManyOpenFiles,
        .ioError,
        .damaged, .newerFormat, .needsMigration, .unsupported, .moved, .closed, .needsReopen, .reentrantCall,
        .deadlineExceeded, .cancelled, .suspended, .init(rawValue: "of a later version"),
    ]

    @Test func theLineIsTheProblemAndTheRemedy() {
        for code in codes {
            let error = VectorStoreError(code, "it is wrong")
            #expect(error.problem == "it is wrong")
            #expect("\(error)" == "it is wrong; \(error.remedy)")
            #expect("\(error.remedy)" != "")
            let other = VectorStoreError(code, "it is wrong", remedy: "mend it")
            #expect("\(other)" == "it is wrong; mend it")
        }
    }

    @Test func aRemedyNamesCallsAsData() {
        let (path, part) = ("/s", VectorStoreError.Remedy("or with \(.salvage)"))
        let remedy: VectorStoreError.Remedy = "mend \(path) with \(.verify), \(3) times, \(part)"
        #expect(remedy.calls == [.verify, .salvage])
        #expect("\(remedy)" == "mend /s with `verify()`, 3 times, or with `VectorStoreRecovery.salvage(at:)`")
        #expect(remedy.text { $0 == .verify ? "A" : "B" } == "mend /s with A, 3 times, or with B")
        #expect("mend \("it")" == ("mend it" as VectorStoreError.Remedy))
    }

    @Test func damageSaysThatNothingWasChanged() {
        let error = VectorStoreError.damaged("a file is missing", ids: (0..<2_000).map(String.init))
        #expect(error.code == .damaged && error.detail == "a file is missing")
        #expect(error.problem == "the store is damaged, and nothing was changed: a file is missing")
        #expect(error.remedy.calls == [.verify, .restore, .salvage])
        #expect(error.ids.count == 1_000)
        #expect(VectorStoreError.commitsAreMissing("one").remedy.calls == [.restore, .salvage])
    }

    /// An error that becomes the reason of another one loses its context and keeps its detail, because the context may
    /// not hold for the whole.
    @Test func aFailureWithinAnother() {
        let reason = VectorStoreError.damaged("a file is missing", ids: ["7"])
        let error = reason.within("the rows are deleted", remedy: "\(reason.remedy), or go on with \(.compact)")
        #expect(error.problem == "the rows are deleted: a file is missing" && error.detail == "a file is missing")
        #expect(error.code == .damaged && error.ids == ["7"])
        #expect(error.remedy.calls == [.verify, .restore, .salvage, .compact])
        #expect((error.cause as? VectorStoreError)?.problem == reason.problem)
        #expect(reason.within("elsewhere").remedy == reason.remedy)
    }

    /// A directory that was moved explains an error, which keeps its own words: they may say what was lost.
    @Test func aFailureThatAMoveExplains() {
        let lost = VectorStoreError(.ioError, "a page can't be written").within("the relaxed writes may be lost")
        let moved = VectorStoreError(.moved, "the store was moved", remedy: "open it again")
        let error = lost.explained(by: moved)
        #expect(error.code == .moved && error.remedy == moved.remedy)
        #expect(error.problem == "the store was moved: the relaxed writes may be lost: a page can't be written")
    }
}
