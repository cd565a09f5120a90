import Lacuna
import Testing

/// Records an issue unless `body` throws a `VectorStoreError` with this code; returns that error.
@discardableResult
func expectError<R>(
    _ code: VectorStoreError.Code,
    _ what: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> R
) -> VectorStoreError? {
    do {
        _ = try body()
        Issue.record("no error, where \(code) is due \(what())", sourceLocation: sourceLocation)
    } catch let error as VectorStoreError {
        #expect(error.code == code, "\(what()): \(error)", sourceLocation: sourceLocation)
        #expect(!error.problem.isEmpty && !error.remedy.description.isEmpty, sourceLocation: sourceLocation)
        return error
    } catch {
        Issue.record("\(error) instead of \(code) \(what())", sourceLocation: sourceLocation)
    }
    return nil
}

/// Records an issue if `body` throws anything but a `VectorStoreError`.
func worksOrRefuses(
    _ what: @autoclosure () -> String,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    do { try body() } catch is VectorStoreError {} catch {
        Issue.record("\(what()): \(error)", sourceLocation: sourceLocation)
    }
}
