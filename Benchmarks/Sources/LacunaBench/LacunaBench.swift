import ArgumentParser

@main
struct LacunaBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lacuna-bench",
        abstract: "Lacuna beside other stores.",
        subcommands: [
            StagesCommand.self, GrowthCommand.self, PlotCommand.self, BackupCommand.self, CodesCommand.self,
            WorkerCommand.self,
        ]
    )
}
