# For Atlas's own tools, beside ours: atlas migrate diff NAME --env local
# writes the next migration from schema/, as aurora-migrate diff NAME does.
#
# Atlas needs an empty database to work on. aurora-migrate lends it one:
#
#   aurora-migrate dev -- atlas migrate diff NAME --env local
env "local" {
  src = "file://schema"
  dev = getenv("MIGRATE_DEV_URL")
  migration {
    dir = "file://migrations"
  }
}
