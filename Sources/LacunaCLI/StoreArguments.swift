// A conformance of a public type needs a public import of the protocol.
public import ArgumentParser
public import Lacuna

extension DistanceMetric: ExpressibleByArgument {}
extension VectorIDKind: ExpressibleByArgument {}
extension CompactionStrategy: ExpressibleByArgument {}
extension Acceleration: ExpressibleByArgument {}
extension ElementType: ExpressibleByArgument {}
extension TextTokenizer: ExpressibleByArgument {}
