extension Float {
    /// The value of an IEEE 754 binary16 number, exact; NaN keeps its payload. `Float16` can't be used, because it does
    /// not exist on Intel Macs.
    init(halfBits: UInt16) {
        let sign = UInt32(halfBits & 0x8000) << 16
        let exponent = UInt32(halfBits >> 10) & 0x1F
        let fraction = UInt32(halfBits & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            self.init(bitPattern: sign | magnitude.bitPattern)
        case 0x1F:
            self.init(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default:
            // The exponents' biases are 15 and 127.
            self.init(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
