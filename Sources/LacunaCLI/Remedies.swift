import Lacuna

extension VectorStoreError.Remedy {
    /// The remedy with commands in place of the library's calls.
    var asCommands: String { text(naming: \.command) }
}

extension VectorStoreError.Remedy.Call {
    /// The command or the option to type in place of the call.
    var command: String {
        switch self {
        case .create: "`lacuna create \(Shell.store) --dimension N`"
        // Each command opens the store itself.
        case .open: "the command"
        case .openForWriting: "`lacuna recover \(Shell.store)`"
        case .put: "`lacuna put \(Shell.store) ID`"
        case .replacing: "`--replace`"
        case .erase: "`lacuna erase \(Shell.store) ID`"
        case .compact: "`lacuna compact \(Shell.store)`"
        case .compactInPlace: "`lacuna compact \(Shell.store) --strategy in-place`"
        case .deadline: "`--deadline SECONDS`"
        case .verify: "`lacuna verify \(Shell.store)`"
        case .restore: "`lacuna restore BACKUP \(Shell.store)`"
        case .salvage: "`lacuna recover \(Shell.store) --salvage FILE.jsonl`"
        case .reembed: "`lacuna reembed \(Shell.store) FILE`"
        case .abortReembedding: "`lacuna reembed \(Shell.store) --abort`"
        case .createTextIndex: "`lacuna index \(Shell.store) add --text FIELD`"
        // No command suspends a store.
        case .suspend, .resume: "the command"
        }
    }
}
