import ArgumentParser

@main
struct LacunaBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lacuna-bench",
        abstract: "Lacuna beside other stores.",
        subcommands: [
            StagesCommand.self, ScanCommand.self, CodesCommand.self, GrowthCommand.self, PlotCommand.self,
            BackupCommand.self, TasksCommand.self, SizesCommand.self,
            WorkerCommand.self,
        ]
    )
}
