import Lacuna
import Testing

/// Options are checked before anything is touched.
@Suite struct OptionsTests {
    private static let bad: [VectorStoreOptions] = [
        .init(logWarningBytes: 0), .init(logWarningBytes: -1), .init(logWarningBytes: .min, logLimitBytes: .min),
        .init(logWarningBytes: 2, logLimitBytes: 1), .init(logLimitBytes: 1),
    ]

    @Test(arguments: bad.indices) func badOptionsAreRefused(_ index: Int) throws {
        let scratch = try Scratch()
        expectError(.invalidArgument) {
            try VectorStore<Int64>.create(
                at: scratch.store,
                configuration: .init(dimension: 1),
                options: Self.bad[index]
            )
        }
        #expect(!exists(scratch.store))
        try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1)).close()
        for access in [VectorStoreAccess.readWrite, .readOnly] {
            expectError(.invalidArgument) {
                try VectorStore<Int64>.open(at: scratch.store, access: access, options: Self.bad[index])
            }
        }
    }

    @Test func theSmallestAreTaken() throws {
        let scratch = try Scratch()
        let options = VectorStoreOptions(logWarningBytes: 1, logLimitBytes: 1)
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1),
            options: options
        )
        for id in Int64(0)..<10 { try store.put([1], for: id) }
        #expect(try store.count == 10)
    }

    @Test func theDefaultsAreTheSafeOnes() {
        let options = VectorStoreOptions()
        #expect(options.durability == .full && options.logger == nil)
        #expect(options.logWarningBytes == 256 << 20 && options.logLimitBytes == 1_024 << 20)
    }
}
