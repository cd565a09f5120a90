import CLacunaSQLite
package import LacunaPlatform

/// Our own SQL functions, and limits on what a statement may do.
extension Connection {
    /// Makes `function` known to this connection's SQL as `name`; nil removes it.
    package func define(_ name: String, arguments: Int, _ function: IntegerFunction?) throws(VectorStoreError) {
        let code = unsafe sqlite3_create_function_v2(
            handle,
            name,
            Int32(arguments),
            SQLITE_UTF8 | SQLITE_DIRECTONLY,
            function.map { unsafe Unmanaged.passRetained($0).toOpaque() },
            function == nil ? nil : IntegerFunction.call,
            nil,
            nil,
            function == nil ? nil : IntegerFunction.release
        )
        if code != SQLITE_OK { throw unsafe VectorStoreError(Self.error(handle, code, nil)) }
    }

    /// An action that a statement asks for while it is prepared (sqlite3_set_authorizer).
    package struct Request {
        package let action: Int32
        package let first: String?
        package let second: String?
    }

    /// Prepares `sql`, and asks `allows` about everything that it reads or calls. Throws if the answer is no.
    package func prepare(_ sql: String, allowing allows: (Request) -> Bool) throws(VectorStoreError) -> Statement {
        try withoutActuallyEscaping(allows) { allows throws(VectorStoreError) in
            let authorizer = Authorizer(allows)
            set(authorizer)
            defer { unsafe sqlite3_set_authorizer(handle, nil, nil) }
            return try withExtendedLifetime(authorizer) { () throws(VectorStoreError) in try prepare(sql) }
        }
    }

    /// From now on a statement that reads another table than these fails with `damaged` when it is prepared.
    package func allowReading(only tables: Set<String>) {
        authorize { request in
            request.action != SQLITE_READ || request.first.map { tables.contains($0.lowercased()) } ?? false
        }
    }

    /// From now on a statement for which the answer is no fails when it is prepared.
    func authorize(_ allows: @escaping (Request) -> Bool) {
        let authorizer = Authorizer(allows)
        readingAuthorizer = authorizer
        set(authorizer)
    }

    private func set(_ authorizer: Authorizer) {
        unsafe sqlite3_set_authorizer(
            handle,
            { context, action, first, second, _, _ in
                guard let context = unsafe context else { return SQLITE_DENY }
                let authorizer = unsafe Unmanaged<Authorizer>.fromOpaque(context).takeUnretainedValue()
                let request = unsafe Request(
                    action: action,
                    first: first.map { unsafe String(cString: $0) },
                    second: second.map { unsafe String(cString: $0) }
                )
                return authorizer.allows(request) ? SQLITE_OK : SQLITE_DENY
            },
            Unmanaged.passUnretained(authorizer).toOpaque()
        )
    }

    final class Authorizer {
        let allows: (Request) -> Bool
        init(_ allows: @escaping (Request) -> Bool) { self.allows = allows }
    }

    /// The steps of SQLite's virtual machine between two questions: they take a millisecond at most, unless one step
    /// takes longer.
    private static let stepsBetweenQuestions: Int32 = 10_000

    /// While `body` runs, a statement that takes long asks `isCancelled` again and again, and fails with `cancelled`
    /// once the answer is yes. A short statement never asks.
    package func cancellable<R>(by isCancelled: @escaping () -> Bool, _ body: () throws -> R) rethrows -> R {
        let outer = question
        ask(Question(isCancelled))
        defer { ask(outer) }
        return try body()
    }

    /// While `body` runs, a statement that asks at all does so after `steps` steps, because each step may be a function
    /// that reads a long text. SQLite asks only where its program jumps.
    package func asking<R>(every steps: Int32, _ body: () throws -> R) rethrows -> R {
        ask(question, every: steps)
        defer { ask(question) }
        return try body()
    }

    private func ask(_ question: Question?, every steps: Int32 = stepsBetweenQuestions) {
        self.question = question
        guard let question else { return unsafe sqlite3_progress_handler(handle, 0, nil, nil) }
        unsafe sqlite3_progress_handler(
            handle,
            steps,
            { context in
                guard let context = unsafe context else { return 0 }
                return unsafe Unmanaged<Question>.fromOpaque(context).takeUnretainedValue().isCancelled() ? 1 : 0
            },
            Unmanaged.passUnretained(question).toOpaque()
        )
    }

    final class Question {
        let isCancelled: () -> Bool
        init(_ isCancelled: @escaping () -> Bool) { self.isCancelled = isCancelled }
    }

    /// While `body` runs, a statement that would change the database fails.
    package func withoutWriting<R>(_ body: () throws -> R) throws -> R {
        // The pragmas aren't cached statements: they take effect when they are prepared.
        try execute("PRAGMA query_only = ON")
        // If this failed, the connection would refuse later changes, which is an error and no harm.
        defer { try? execute("PRAGMA query_only = OFF") }
        return try body()
    }

    /// Sets limits for statements (sqlite3_limit) while `body` runs.
    package func limited<R>(_ limits: [(limit: Int32, most: Int32)], _ body: () throws -> R) rethrows -> R {
        let before = limits.map { unsafe sqlite3_limit(handle, $0.limit, $0.most) }
        defer {
            for (limit, most) in zip(limits.map(\.limit), before) { unsafe sqlite3_limit(handle, limit, most) }
        }
        return try body()
    }
}
