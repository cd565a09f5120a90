/// The numbered SQL files of this folder, embedded at build time.
package enum Migrations {
    /// Every migration in order: the script at index *i* takes a database from `user_version` *i* to *i* + 1.
    package static var scripts: [[UInt8]] { [PackageResources._001_initial_sql] }
}
