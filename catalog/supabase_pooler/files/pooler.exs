# The one tenant: the database postgres, whose roles the pooler asks it for. Made anew at each start, so that a rotated
# password is taken. Facts: supabase/supavisor, lib/supavisor/tenants.ex; supabase/supabase, docker/volumes/pooler.
{:ok, _} = Application.ensure_all_started(:supavisor)

name = System.fetch_env!("POOLER_TENANT_ID")
size = String.to_integer(System.fetch_env!("POOLER_DEFAULT_POOL_SIZE"))
{:ok, %{rows: [[version]]}} = Supavisor.Repo.query("select version()")
{:ok, parsed} = Supavisor.Helpers.parse_pg_version(version)

if Supavisor.Tenants.get_tenant_by_external_id(name) do
  Supavisor.Tenants.delete_tenant_by_external_id(name)
end

{:ok, _} =
  Supavisor.Tenants.create_tenant(%{
    "external_id" => name,
    "db_host" => System.fetch_env!("POSTGRES_HOST"),
    "db_port" => System.fetch_env!("POSTGRES_PORT"),
    "db_database" => System.fetch_env!("POSTGRES_DB"),
    "require_user" => false,
    "auth_query" => "SELECT * FROM pgbouncer.get_auth($1)",
    "default_max_clients" => String.to_integer(System.fetch_env!("POOLER_MAX_CLIENT_CONN")),
    "default_pool_size" => size,
    "default_parameter_status" => %{"server_version" => parsed},
    "users" => [
      %{
        "db_user" => "pgbouncer",
        "db_password" => System.fetch_env!("POOLER_DB_PASSWORD"),
        "mode_type" => System.fetch_env!("POOLER_POOL_MODE"),
        "pool_size" => size,
        "is_manager" => true
      }
    ]
  })
