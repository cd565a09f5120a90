/// The addresses of the rows of one data file, for readers that take no snapshot. It keeps the map alive.
///
/// `@unchecked Sendable`: nothing changes after `init`.
@safe
final class MappedRows: @unchecked Sendable {
    let generation: Int64
    /// The reader epoch of these readers.
    let epoch: Int64
    let segments: Int
    private let layout: RowLayout
    private let stride: Int
    private let bases: UnsafeMutablePointer<UnsafeRawPointer>
    private let view: RowView

    init(_ view: RowView, epoch: Int64) {
        self.view = view
        self.epoch = epoch
        generation = view.file.header.generation
        layout = view.file.layout
        stride = Int(view.file.stride)
        segments = view.segments.count
        unsafe bases = .allocate(capacity: max(1, segments))
        for (index, segment) in view.segments.enumerated() { unsafe (bases + index).initialize(to: segment.base) }
    }

    deinit { unsafe bases.deallocate() }

    /// Calls `body` with the row in a slot. The caller must know that there is a row, and that the closure's type can
    /// have its components.
    @inline(__always)
    func withRow<C: RowComponent, R, E: Error>(_ slot: Int, _ body: (Span<C>) throws(E) -> R) throws(E) -> R {
        let offset = Int(DataFileHeader.length) + slot * stride
        let segment = MappedSegment.index(of: Int64(offset))
        let row = unsafe bases[segment] + (offset - Int(MappedSegment.start(of: segment)))
        return try unsafe C.withRow(of: layout.element, at: row, count: layout.dimension, body)
    }

    /// Whether readers of `record`'s state, which has this view, may go on with these addresses.
    func fits(_ record: StoreRecord, _ view: RowView) -> Bool {
        record.generation == generation && record.readerEpoch == epoch && view.segments.count == segments
    }
}
