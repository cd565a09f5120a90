import ArgumentParser
import Lacuna
import LacunaFormats

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The page of `report`: one file, which loads nothing and runs nothing.
struct ReportPage {
    /// The store's path, as it was named.
    let store: String
    let date: Date
    let overview: StoreOverview
    /// Nil if nothing was verified.
    let verification: VerifiedRows?

    /// The number of compactions, ids or schema objects that the page lists, at most.
    static let longestList = 1_000

    /// The first lines, by which a page is known again.
    private static let beginning = [
        "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
        "<meta name=\"generator\" content=\"lacuna report\">",
    ]

    /// Whether a page may be written to the path: nothing is there, or an empty file, or such a page.
    static func mayReplace(_ path: String) throws(CommandError) -> Bool {
        do throws(FormatError) {
            let lines = try LineReader(path: path)
            guard let first = try lines.next() else { return true }
            if first != beginning[0] { return false }
            for line in beginning.dropFirst() where try lines.next() != line { return false }
            return true
        } catch {
            switch error.kind {
            case .unreadable where !FileManager.default.fileExists(atPath: path): return true
            case .invalid: return false
            default: throw CommandError.creating(error)
            }
        }
    }

    /// The damage that was found, for people; nil if there is none.
    var damage: String? {
        if verification?.isSound == false { return "the store is damaged" }
        return overview.isWhole ? nil : "the store is damaged, and a part of it can't be read"
    }

    private var name: String { store.split(separator: "/").last.map(String.init) ?? store }

    var html: HTML {
        """
        \(HTML(stringLiteral: Self.beginning.joined(separator: "\n")))
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>\(name) – a report of Lacuna</title>
        <style>
        \(HTML(stringLiteral: String(decoding: PackageResources.report_css, as: UTF8.self)))</style>
        </head>
        <body>
        <header>
        <h1><bdi>\(name)</bdi></h1>
        <p class="quiet">A report of \(LacunaCommand.configuration.version), \(moment), of the state after commit \
        \(grouped(overview.commits)).</p>
        </header>
        <main>
        \(tiles)
        \(about)
        \(ReportSpace(overview: overview).html)
        \(ReportHistory(overview: overview).html)
        \(files)
        \(indexes)
        \(verificationSection)
        \(schema)
        </main>
        <footer>Written by <code>lacuna report</code>. The page loads nothing from elsewhere.</footer>
        </body>
        </html>
        """
    }

    private var moment: HTML { "\(timeText(date)) UTC" }

    private var tiles: HTML {
        let space = try? overview.space.get().space
        let size = space.map { byteText($0.allocatedBytes + $0.codesBytes + $0.indexBytes) } ?? "unknown"
        let dead = space.map { "\(decimal($0.fragmentation * 100, 1)) %" } ?? "unknown"
        let verdict: HTML =
            switch verification?.isSound {
            case true?: "<span class=\"good\">sound</span><small>everything was read</small>"
            case false?: "<span class=\"bad\">damaged</span><small>see “Verification”</small>"
            case nil where overview.isWhole: "not verified<small><code>--verify</code> reads everything</small>"
            case nil: "<span class=\"bad\">damaged</span><small>a part can’t be read</small>"
            }
        return """
            <dl class="tiles">
            <div><dt>Rows</dt><dd>\(grouped(overview.rows))<small>of \(grouped(overview.info.dimension)) \
            components</small></dd></div>
            <div><dt>On disk</dt><dd>\(size)<small>data, index, codes</small></dd></div>
            <div><dt>Dead rows</dt><dd>\(dead)<small>of the rows in the file</small></dd></div>
            <div><dt>Condition</dt><dd>\(verdict)</dd></div>
            </dl>
            """
    }

    private var about: HTML {
        let info = overview.info
        let facts: KeyValuePairs<String, HTML> = [
            "Identity": "<code>\(info.uuid.text)</code>",
            "Vectors": "\(grouped(info.dimension)) × \(info.element.rawValue), compared by \(info.metric.rawValue)",
            "Ids": "\(info.idKind.rawValue)",
            "Model": info.model.map { "<bdi>\($0.description)</bdi>" } ?? "not named",
            "Data file": "<code>\(info.dataFile)</code>, generation \(info.generation)",
            "Format": "schema version \(info.schemaVersion)",
        ]
        let list: HTML = facts.map { "<dt>\($0.key)</dt><dd>\($0.value)</dd>\n" }.joined()
        return section("store", "The store", "<dl class=\"facts\">\n\(list)\(pending)</dl>")
    }

    private var pending: HTML? {
        overview.info.reembedding.map { pending in
            """
            <dt>Re-embedding</dt><dd>under way: \(grouped(pending.rows)) of \(counted(overview.rows, "row")) have a \
            vector of \(grouped(pending.dimension)) components</dd>

            """
        }
    }
}

extension StoreOverview {
    /// Whether each part could be read.
    var isWhole: Bool {
        (try? space.get()) != nil && (try? history.get()) != nil && (try? derivedFiles.get()) != nil
            && (try? indexes.get()) != nil && (try? schema.get()) != nil
    }
}

func section(_ id: HTML, _ title: HTML, _ content: HTML) -> HTML {
    """
    <section aria-labelledby="\(id)">
    <h2 id="\(id)">\(title)</h2>
    \(content)
    </section>
    """
}

/// The content of a part of the store, or a line that says why there is none.
func part<Value>(_ part: StoreOverview.Part<Value>, _ content: (Value) -> HTML) -> HTML {
    switch part {
    case .success(let value): content(value)
    case .failure(let error): "<p class=\"bad\">This part can’t be read: \(error.problem).</p>"
    }
}

/// A time for people, `2026-01-31 08:00:01`, in UTC. A text that is no time stays as it is.
func timeText(_ text: String) -> HTML {
    journalTime(text).map { timeText($0) } ?? "\(text)"
}

func timeText(_ date: Date) -> HTML {
    let text = date.formatted(.iso8601)
    return "<time datetime=\"\(text)\">\(text.replacing("T", with: " ").replacing("Z", with: ""))</time>"
}

/// A time as the journal has it; nil for another text.
func journalTime(_ text: String) -> Date? {
    try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text)
}
