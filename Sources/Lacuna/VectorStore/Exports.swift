// `VectorStoreError`, for those who import Lacuna alone.
@_exported public import LacunaPlatform
