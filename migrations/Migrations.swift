/// The numbered SQL files of this folder, embedded at build time.
package enum Migrations {
    /// Every migration in order: the script at index *i* takes a database from `user_version` *i* to *i* + 1.
    ///
    /// Task-local, so that a test can have one more than there are.
    @TaskLocal package static var scripts: [[UInt8]] = [
        PackageResources._001_initial_sql, PackageResources._002_log_origin_sql, PackageResources._003_slots_sql,
        PackageResources._004_model_sql, PackageResources._005_text_sql,
    ]
}
