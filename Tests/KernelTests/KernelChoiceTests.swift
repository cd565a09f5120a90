import CLacunaVectorKernels
import TestSupport
import Testing

@Suite("Choice of kernel")
struct KernelChoiceTests {
    @Test("the first kernel is in use, the last is plain, and each has its own name")
    func names() {
        let names = Kernel.available.map(\.name)
        #expect(unsafe names.first == String(cString: lacuna_kernel_name()))
        #expect(names.last == "plain")
        #expect(Set(names).count == names.count)
        #expect(Set(names).isSubset(of: ["avx512", "avx2", "neon", "plain"]))
    }

    @Test("lacuna_distances runs the first kernel", arguments: Metric.allCases)
    func first(metric: Metric) {
        var random = SplitMix64(seed: 6)
        let query = random.floats(771)
        let row = random.floats(771)
        var distance = Double.nan
        unsafe lacuna_distances(metric.inC, query, query.count, row, [0], 1, &distance)
        #expect(distance.bitPattern == Kernel(index: 0).distance(metric, query, row).bitPattern)
    }

    @Test("a kernel that isn't there traps")
    func missing() async {
        await #expect(processExitsWith: .failure) { _ = Kernel(index: lacuna_kernel_count()).name }
        await #expect(processExitsWith: .failure) {
            _ = Kernel(index: lacuna_kernel_count()).distance(.dot, [1], [1])
        }
    }
}
