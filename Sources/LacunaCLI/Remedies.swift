import Lacuna

extension VectorStoreError.Remedy {
    /// The remedy with commands in place of the library's calls.
    var asCommands: String { text(naming: \.command) }
}

extension VectorStoreError.Remedy.Call {
    /// The command or the option to type in place of the call.
    var command: String {
        switch self {
        case .create: "`lacuna create STORE --dimension N`"
        // Each command opens the store itself.
        case .open: "the command"
        case .openForWriting: "`lacuna recover STORE`"
        case .put: "`lacuna put STORE ID`"
        case .replacing: "`--replace`"
        case .erase: "`lacuna erase STORE ID`"
        case .compact: "`lacuna compact STORE`"
        case .compactInPlace: "`lacuna compact STORE --strategy in-place`"
        case .deadline: "`--deadline SECONDS`"
        case .verify: "`lacuna verify STORE`"
        case .restore: "`lacuna restore BACKUP STORE`"
        case .salvage: "`lacuna recover STORE --salvage FILE.jsonl`"
        case .reembed: "`lacuna reembed STORE FILE`"
        case .abortReembedding: "`lacuna reembed STORE --abort`"
        case .createTextIndex: "`lacuna index STORE add --text FIELD`"
        // No command suspends a store.
        case .suspend, .resume: "the command"
        }
    }
}
