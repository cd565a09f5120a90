// A public type's conformance wants its protocol imported publicly.
public import ArgumentParser
public import Lacuna

extension DistanceMetric: ExpressibleByArgument {}
extension VectorIDKind: ExpressibleByArgument {}
extension CompactionStrategy: ExpressibleByArgument {}

/// The types of component there are.
enum ElementType: String, ExpressibleByArgument, CaseIterable {
    case float32
}
