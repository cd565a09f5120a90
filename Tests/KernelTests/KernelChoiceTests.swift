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

    @Test("a kernel that isn't there traps")
    func missing() async {
        await #expect(processExitsWith: .failure) { _ = Kernel(index: lacuna_kernel_count()).name }
        await #expect(processExitsWith: .failure) {
            _ = Kernel(index: lacuna_kernel_count()).distance(.dot, [1], [1])
        }
        await #expect(processExitsWith: .failure) {
            _ = Kernel(index: lacuna_kernel_count()).keeps(.dot, [1], [1])
        }
    }

    @Test("more rows than a call takes trap")
    func tooMany() async {
        await #expect(processExitsWith: .failure) {
            let rows = [Float](repeating: 1, count: 257)
            _ = Kernel(index: 0).candidates(.dot, [[1]], in: rows, stride: 1, count: 257, limits: [0])
        }
    }
}
