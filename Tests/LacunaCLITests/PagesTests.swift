import Foundation
import TestSupport
import Testing

/// The pages with commands show what the commands print today.
@Suite(.timeLimit(.minutes(40)), .enabled(if: Program("python3").isInstalled, "needs python3"))
struct PagesTests {
    @Test(arguments: ["docs/tour.md", "docs/recipes.md"]) func aPageIsTrue(_ page: String) throws {
        let words = [Repository.root.path + "/Tests/Pages/run", Repository.root.path + "/" + page]
        let run = try Program("python3").start(words, environment: ["LACUNA": Program.lacuna.path]).finish()
        #expect(run.status == 0, "\(run.text)\(run.error)")
    }
}
