/// The words that a filter may use.
enum FilterWords {
    /// These make nothing longer than what they are given but where ``FilterGrammar`` counts it, read nothing but that and
    /// the clock, and change nothing. So no printf, replace, hex, quote, json_array and the like, whose calls of one another
    /// multiply a text's length, no group_concat and json_group_array, and no random.
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

    /// These may read the clock: what they say of a row may change without a commit.
    static let clock: Set = [
        "DATE", "DATETIME", "JULIANDAY", "STRFTIME", "TIME", "UNIXEPOCH", "CURRENT_DATE", "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
    ]

    /// Whether the word before a bracket can only be a function, be it allowed or not.
    static func canBeCalled(_ keyword: String) -> Bool { functions.contains(keyword) || !keywords.contains(keyword) }

    /// Their second argument is looked for in their first.
    static let searching: Set = ["INSTR", "TRIM", "LTRIM", "RTRIM"]

    static let constants: Set = ["NULL", "TRUE", "FALSE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"]

    static let binaryOperators: Set = [
        "+", "-", "*", "/", "%", "&", "|", "<<", ">>", "<", "<=", ">", ">=", "=", "==", "!=", "<>", "AND", "OR", "LIKE",
        "GLOB", "BETWEEN", "ESCAPE",
    ]

    /// Never names, unless in quotes.
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
