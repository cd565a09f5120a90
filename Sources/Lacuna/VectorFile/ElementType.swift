import CLacunaVectorKernels

/// The type of a component in the data file, which is fixed when the store is created.
///
/// Vectors are put, got and searched for as float32, whatever the element. Each value of each element is exact in
/// float32, so a distance has the same bits as in a store of float32 with the same values.
public enum ElementType: String, Sendable, CaseIterable {
    /// IEEE 754 binary32.
    case float32
    /// IEEE 754 binary16: half the disk space and the memory traffic. A component that is put is rounded to nearest,
    /// ties to even; one that would become infinite, from 65,520 on, is refused.
    case float16
    /// Whole numbers from −128 to 127. A component that is put and is not one of them is refused; nothing is rounded or
    /// scaled.
    case int8
}

/// Everything that depends on the element.
extension ElementType {
    var bytes: Int64 {
        switch self {
        case .float32: 4
        case .float16: 2
        case .int8: 1
        }
    }

    /// The ending of the data file's name.
    var nameEnding: String {
        switch self {
        case .float32: "f32"
        case .float16: "f16"
        case .int8: "i8"
        }
    }

    /// The type's code in the data file's header.
    var headerCode: UInt32 {
        switch self {
        case .float32: 1
        case .float16: 2
        case .int8: 3
        }
    }

    var kernel: lacuna_element {
        switch self {
        case .float32: LACUNA_FLOAT32
        case .float16: LACUNA_FLOAT16
        case .int8: LACUNA_INT8
        }
    }

    /// The reason why a finite component can have no place in the data file.
    var refusal: String {
        switch self {
        case .float32: "is not a finite number"
        case .float16: "is beyond float16's range (65,504)"
        case .int8: "is not a whole number from -128 to 127"
        }
    }

    /// Appends the bytes that a vector's components have in the data file. If a component has no place there, returns
    /// the index of the first, and appends nothing.
    func append(_ vector: Span<Float>, to rows: inout [UInt8]) -> Int? {
        if self == .float32 {
            unsafe vector.withUnsafeBytes { unsafe rows.append(contentsOf: $0) }
            return nil
        }
        let begin = rows.count
        rows.append(contentsOf: repeatElement(0, count: vector.count * Int(bytes)))
        var firstRefused = 0
        let isStored = unsafe vector.withUnsafeBufferPointer { vector in
            unsafe rows.withUnsafeMutableBytes { rows in
                let row = unsafe UnsafeMutableRawBufferPointer(rebasing: rows[begin...]).baseAddress
                return unsafe lacuna_narrow(kernel, vector.baseAddress, vector.count, row, &firstRefused)
            }
        }
        if isStored { return nil }
        rows.removeLast(rows.count - begin)
        return firstRefused
    }

    /// The components that begin at an address, as floats.
    func floats(at address: UnsafeRawPointer, count: Int) -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: count) { floats, filled in
            unsafe lacuna_widen(kernel, address, count, floats.baseAddress)
            filled = count
        }
    }

    /// Turns components into floats that take up the memory at whose end the components lie.
    func widen(_ stored: UnsafeMutableRawBufferPointer, in memory: UnsafeMutableRawBufferPointer) {
        if self == .float32 { return }
        let count = memory.count / MemoryLayout<Float>.stride
        unsafe memory.withMemoryRebound(to: Float.self) { floats in
            unsafe lacuna_widen(kernel, stored.baseAddress, count, floats.baseAddress)
        }
    }
}
