/// Reads the Python literal of a .npy header: a dictionary of `descr`, `fortran_order` and `shape`, in any order.
struct PythonLiteralScanner {
    struct Fields {
        let type: String
        let isFortranOrder: Bool
        let shape: [Int]
    }

    private let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func scanHeader() throws(FormatError) -> Fields {
        var type: String?
        var isFortranOrder: Bool?
        var shape: [Int]?
        try expect("{")
        while !skip("}") {
            let key = try string()
            try expect(":")
            switch key {
            case "descr" where type == nil: type = try elementType()
            case "fortran_order" where isFortranOrder == nil: isFortranOrder = try boolean()
            case "shape" where shape == nil: shape = try tuple()
            default: throw malformed("key '\(excerpt(key))' is unknown or occurs twice")
            }
            if !skip(",") {
                try expect("}")
                break
            }
        }
        skipBlanks()
        guard position == bytes.count else { throw malformed("text follows the dictionary") }
        guard let type, let isFortranOrder, let shape else {
            throw malformed("'descr', 'fortran_order' or 'shape' is missing")
        }
        return Fields(type: type, isFortranOrder: isFortranOrder, shape: shape)
    }

    private mutating func elementType() throws(FormatError) -> String {
        skipBlanks()
        if position < bytes.count, bytes[position] == UInt8(ascii: "[") {
            throw FormatError.invalid(
                "the array is structured (its dtype has fields)",
                remedy: "save its vectors as float32"
            )
        }
        return try string()
    }

    private mutating func string() throws(FormatError) -> String {
        skipBlanks()
        guard position < bytes.count, bytes[position] == UInt8(ascii: "'") || bytes[position] == UInt8(ascii: "\"")
        else { throw malformed("a quoted string is missing") }
        let quote = bytes[position]
        guard let end = bytes[(position + 1)...].firstIndex(of: quote) else { throw malformed("a string does not end") }
        defer { position = end + 1 }
        return String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
    }

    private mutating func boolean() throws(FormatError) -> Bool {
        if skip("True") { return true }
        if skip("False") { return false }
        throw malformed("'fortran_order' is neither True nor False")
    }

    private mutating func tuple() throws(FormatError) -> [Int] {
        try expect("(")
        var values: [Int] = []
        while !skip(")") {
            values.append(try integer())
            if !skip(",") {
                guard values.count > 1 else { throw malformed("'shape' is not a tuple") }
                try expect(")")
                break
            }
        }
        return values
    }

    private mutating func integer() throws(FormatError) -> Int {
        skipBlanks()
        let isNegative = skip("-")
        let start = position
        var value = 0
        while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
            let (tens, tensOverflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = tens.addingReportingOverflow(Int(digit))
            guard !tensOverflow, !sumOverflow else { throw malformed("'shape' is larger than any file") }
            value = sum
            position += 1
        }
        guard position > start else { throw malformed("'shape' holds something other than integers") }
        guard !isNegative else { throw malformed("'shape' holds a negative number") }
        return value
    }

    private mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
            position += 1
        }
    }

    private mutating func skip(_ token: String) -> Bool {
        skipBlanks()
        guard bytes[position...].starts(with: token.utf8) else { return false }
        position += token.utf8.count
        return true
    }

    private mutating func expect(_ token: String) throws(FormatError) {
        guard skip(token) else { throw malformed("'\(token)' is missing") }
    }

    private func malformed(_ what: String) -> FormatError {
        .invalid("the .npy header is malformed at its byte \(position + 1): \(what)", remedy: "save the array again")
    }
}
