/// The words that a filter may use.
enum FilterWords {
    /// The allowed functions. They return nothing longer than their arguments (unless ``FilterGrammar`` counts it),
    /// read only their arguments and the clock, and change nothing. So printf, replace, hex, quote, json_array and the
    /// like aren't allowed, since nested calls multiply a text's length; and neither are group_concat, json_group_array
    /// and random.
    static let functions = Set(
        [
            "abs", "coalesce", "glob", "ifnull", "iif", "instr", "length", "like", "lower", "ltrim", "max", "min",
            "nullif",
            "round", "rtrim", "sign", "substr", "substring", "trim", "typeof", "unicode", "upper",
            "date", "datetime", "julianday", "strftime", "time", "unixepoch",
            "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "ceiling", "cos", "cosh", "degrees",
            "exp",
            "floor", "ln", "log", "log10", "log2", "mod", "pi", "pow", "power", "radians", "sin", "sinh", "sqrt", "tan",
            "tanh", "trunc",
            "json", "json_array_length", "json_extract", "json_type", "json_valid",
            "avg", "count", "sum", "total",
        ].map { $0.uppercased() }
    )

    /// These may read the clock: their result for a row may change without a commit.
    static let clock: Set = [
        "DATE", "DATETIME", "JULIANDAY", "STRFTIME", "TIME", "UNIXEPOCH", "CURRENT_DATE", "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
    ]

    /// Whether a word before a bracket can only be a function, allowed or not.
    static func canBeCalled(_ keyword: String) -> Bool { functions.contains(keyword) || !keywords.contains(keyword) }

    /// These functions look for their second argument in the first.
    static let searching: Set = ["INSTR", "TRIM", "LTRIM", "RTRIM"]

    static let constants: Set = ["NULL", "TRUE", "FALSE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"]

    /// The operators that are words.
    static let operators = [
        "AND", "OR", "NOT", "IN", "IS", "LIKE", "GLOB", "BETWEEN", "ISNULL", "NOTNULL", "COLLATE", "ESCAPE",
    ]

    static let binaryOperators: Set = [
        "+", "-", "*", "/", "%", "&", "|", "<<", ">>", "<", "<=", ">", ">=", "=", "==", "!=", "<>", "AND", "OR", "LIKE",
        "GLOB", "BETWEEN", "ESCAPE",
    ]

    /// These words are never names, except in quotes.
    static let keywords: Set = [
        "ALL", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "COLLATE", "DESC", "DISTINCT", "ELSE", "END",
        "ESCAPE",
        "EXCEPT", "EXISTS", "FILTER", "FROM", "GLOB", "GROUP", "HAVING", "IN", "INTERSECT", "IS", "ISNULL", "JOIN",
        "LIKE",
        "LIMIT", "MATCH", "NATURAL", "NOT", "NOTNULL", "NULLS", "OFFSET", "ON", "OR", "ORDER", "OVER", "REGEXP",
        "SELECT",
        "THEN", "UNION", "USING", "VALUES", "WHEN", "WHERE", "WINDOW", "WITH",
    ]
}
