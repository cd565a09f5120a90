import Testing

@testable import Lacuna

/// The comparisons of a filter that an index may answer: those that each row that passes must pass.
@Suite struct FilterTermTests {
    private static func terms(_ filter: Filter) throws -> [String] {
        try FilterGrammar(filter).terms.map { term in
            var values = term.values[...]
            return term.sql.split(separator: " ").map { word in
                word == "?" ? values.popFirst().map { "\($0)" } ?? "missing" : String(word)
            }.joined(separator: " ")
        }
    }

    private static let a = #"json_extract ( metadata , '$."a"' )"#
    private static let typeOfA = #"json_type ( metadata , '$."a"' )"#

    @Test func typedFilters() throws {
        let (a, type) = (Self.a, Self.typeOfA)
        #expect(
            try Self.terms(.field("a") == 5)
                == ["\(a) = integer(5)", "\(type) IN ( 'integer' , 'real' )"]
        )
        #expect(try Self.terms(.field("a").between("x", "y")).filter { $0.hasPrefix(a) }.count == 2)
        #expect(try Self.terms(.field("a").exists) == ["\(type) IS NOT NULL"])
        #expect(try Self.terms(.field("a") == 5 || .id == 3) == [])
        #expect(try Self.terms(!(.field("a") == 5)) == [])
        #expect(try Self.terms(!(!(.field("a") == 5))) == [])
        #expect(try Self.terms(.field("a") != 5) == [])
        #expect(try Self.terms(.id == 5) == [])
        #expect(
            try Self.terms(.field("b").isNull && (.field("c") == 1 || .id == 2) && .field("a") > 7)
                .filter { $0.hasPrefix(a) } == ["\(a) > integer(7)"]
        )
    }

    @Test func sql() throws {
        #expect(try Self.terms("metadata ->> 'a' = \(5)") == ["metadata ->> 'a' = integer(5)"])
        #expect(try Self.terms("(metadata ->> 'a' -> 'b' >= 'x')") == ["metadata ->> 'a' -> 'b' >= 'x'"])
        let both: Filter = "id > 3 AND (METADATA ->> 'a' BETWEEN ? AND 9 AND (metadata->>'b' IN (1, -2, 'x')))"
        #expect(throws: VectorStoreError.self) { try Self.terms(both) }
        #expect(
            try Self.terms(Filter(sql: both.text, values: [8]))
                == ["METADATA ->> 'a' BETWEEN integer(8) AND 9", "metadata ->> 'b' IN ( 1 , - 2 , 'x' )"]
        )
        #expect(
            try Self.terms("metadata ->> 'a' IN \([1, 2]) AND metadata ->> 'b' IN (\([3]))") == [
                "metadata ->> 'a' IN ( SELECT value FROM json_each( text(\"[1,2]\") ) )",
                "metadata ->> 'b' IN ( SELECT value FROM json_each( text(\"[3]\") ) )",
            ]
        )
        let numbered = Filter(
            sql: "?2 = id AND metadata ->> 'a' = ?1 AND metadata ->> 'b' = :b AND ?2 > 0",
            values: [1, 2, 3]
        )
        #expect(try Self.terms(numbered) == ["metadata ->> 'a' = integer(1)", "metadata ->> 'b' = integer(3)"])
    }

    /// None of these is such a comparison, or not for each row.
    @Test(
        arguments: [
            "metadata ->> 'a' = 5 OR id = 3", "NOT metadata ->> 'a' = 5", "metadata ->> 'a' = 5 IS NOT TRUE",
            "(metadata ->> 'a' = 5) = 0", "metadata ->> 'a' IS NULL", "metadata ->> 'a' IS 5",
            "metadata ->> 'a' = 5 COLLATE NOCASE", "metadata ->> 'a' + 1 = 5", "metadata ->> 'a' = id",
            "metadata ->> 'a' NOT IN (1)", "metadata ->> 'a' NOT BETWEEN 1 AND 2", "metadata IS NOT NULL", "id = 5",
            "CASE WHEN id AND metadata ->> 'a' = 5 THEN 1 ELSE 1 END", "5 = metadata ->> 'a'",
            "metadata ->> 'a' IN (SELECT value FROM json_each('[1]'))", "json_extract(metadata, '$.a', '$.b') = 1",
            "metadata ->> 'a' = 5 = 0", "lower(metadata ->> 'a') = 'x'", "\"metadata\" ->> 'a' = 5",
        ]
    ) func otherConditions(_ sql: String) throws { #expect(try Self.terms(Filter(sql: sql)) == []) }
}

extension Filter {
    /// The text of a filter of SQL without interpolated values.
    fileprivate var text: String {
        guard case .text(let text) = pieces[0], case .sql(let sql) = text.parts[0] else { return "" }
        return sql
    }
}
