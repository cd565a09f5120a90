/// A change of metadata alone.
enum MetadataEdit: Sendable {
    case set(String)
    /// A merge patch (RFC 7396). An id without metadata counts as one with `{}`.
    case patch(String)
    case remove
}

extension RowWriter {
    /// Changes an id's metadata; the id must have a row.
    func edit(_ edit: MetadataEdit, for id: SQLValue) throws(VectorStoreError) {
        deletesOnly = false
        try remembering { () throws(VectorStoreError) in
            let edited = try checked(edit, "the metadata of id \(id.idText)", [id.idText])
            guard try index.slot(of: id, record.generation) != nil else {
                throw VectorStoreError(.unknownID, "no row has the id \(id.idText)", ids: [id.idText])
            }
            try storeMetadata(edited(id), for: id)
            try unstageEmbedding(id)
            changedMetadata.append(id)
            changeList?.note(.metadata, id)
        }
    }

    /// Changes the metadata of all rows that pass a filter, as this transaction has made them so far; returns their
    /// number. The ids are found before the first change, so that no change affects which rows pass.
    func edit(_ edit: MetadataEdit, where filter: Filter) throws(VectorStoreError) -> Int {
        deletesOnly = false
        var count = 0
        try remembering { () throws(VectorStoreError) in
            let edited = try checked(edit, "the metadata", [])
            let ids = try index.ids(passing: filter, record.generation, isCancelled: isCancelled)
            for id in ids {
                if isCancelled() { throw VectorStoreError(.cancelled, "the change was cancelled before its end") }
                try storeMetadata(edited(id), for: id)
                try unstageEmbedding(id)
            }
            changedMetadata += ids
            for id in ids { changeList?.note(.metadata, id) }
            count = ids.count
        }
        return count
    }

    /// A new vector may have been made of the metadata that are replaced now.
    private func unstageEmbedding(_ id: SQLValue) throws(VectorStoreError) {
        if staging.isReembedding { try unstage(id) }
    }

    private typealias Edited = (SQLValue) throws(VectorStoreError) -> String?

    /// Checks a change; returns what it makes of an id's metadata.
    private func checked(
        _ edit: MetadataEdit,
        _ name: String,
        _ ids: [String]
    ) throws(VectorStoreError) -> Edited {
        switch edit {
        case .remove: return { _ in nil }
        case .set(let json):
            try index.checkMetadata(json, name, ids)
            return { _ in json }
        case .patch(let json):
            try index.checkPatch(json)
            let patch = MetadataPatch(json)
            return { [index] id throws(VectorStoreError) in
                let old = try index.metadata(of: id)
                // Another program, or an earlier version of this one, may have written what no patch could be applied to.
                if let old { try index.checkMetadata(old, for: id) }
                let new = patch.applied(to: old)
                invariant((try? index.checkMetadata(new, for: id)) != nil, "a patch makes metadata of metadata")
                return new
            }
        }
    }
}
