// Programs that import only Lacuna get `VectorStoreError` by this.
@_exported public import LacunaPlatform
