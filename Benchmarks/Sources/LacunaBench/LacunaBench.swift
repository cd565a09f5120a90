import ArgumentParser

@main
struct LacunaBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lacuna-bench",
        abstract: "Lacuna beside other stores.",
        subcommands: [
            StagesCommand.self, ScanCommand.self, CodesCommand.self, GrowthCommand.self, PlotCommand.self,
            BackupCommand.self,
            WorkerCommand.self,
        ]
    )
}
