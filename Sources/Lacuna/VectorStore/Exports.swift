// Programs that import only Lacuna get `VectorStoreError` and `SQLValue` by these.
@_exported public import LacunaPlatform
@_exported public import LacunaSQLite
