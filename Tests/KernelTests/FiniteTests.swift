import CLacunaVectorKernels
import TestSupport
import Testing

@Suite("Finite values")
struct FiniteTests {
    private static let untouched = 123_456

    private func check(_ values: [Float]) -> (finite: Bool, firstBad: Int) {
        var firstBad = Self.untouched
        let finite = unsafe lacuna_all_finite(values, values.count, &firstBad)
        return (finite, firstBad)
    }

    @Test("the first bad value is found at every position", arguments: [1, 2, 15, 63, 64, 65, 127, 128, 200])
    func everyPosition(count: Int) {
        var random = SplitMix64(seed: 9)
        let values = random.floats(count)
        let clean = check(values)
        #expect(clean.finite && clean.firstBad == Self.untouched)
        for position in 0..<count {
            for bad: Float in [.nan, -.nan, .signalingNaN, .infinity, -.infinity] {
                var damaged = values
                damaged[position] = bad
                let found = check(damaged)
                #expect(!found.finite && found.firstBad == position)
                // A second bad value behind the first changes nothing.
                damaged[count - 1] = .nan
                #expect(check(damaged).firstBad == position)
            }
        }
    }

    @Test("zeros, subnormals and the greatest values are finite")
    func edges() {
        let values: [Float] = [
            0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude,
            -.greatestFiniteMagnitude,
        ]
        #expect(check(values).finite)
        #expect(check([]).finite)
    }
}
