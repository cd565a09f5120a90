import CLacunaVectorKernels

/// The measure of distance between two vectors, which is fixed when the store is created. Lower distances are nearer.
///
/// A distance is computed in double precision from the stored components, in a fixed order: each of eight sums takes
/// every eighth component, and then the sums are added in halves. So the bits of a distance are the same on every
/// machine.
public enum DistanceMetric: String, Sendable, CaseIterable {
    /// 1 − a·b ⁄ √(a·a × b·b), from 0 to 2; exactly 0 if the vectors are the same, 1 if either is zero.
    case cosine
    /// −a·b.
    case dot
    /// √Σ(a − b)².
    case euclidean
}

extension DistanceMetric {
    var kernel: lacuna_metric {
        switch self {
        case .cosine: LACUNA_COSINE
        case .dot: LACUNA_DOT
        case .euclidean: LACUNA_EUCLIDEAN
        }
    }
}
