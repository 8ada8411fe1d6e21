#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# opensearch.sh fetch | start DIR [secure|plain] | launch DIR [secure|plain] | stop DIR
# A real OpenSearch, one node on 127.0.0.1. secure: https on ${PORT:-9243}, certificates in DIR/tls,
# users admin/lab-admin-1 (everything), netmon/lab-netmon-1 (writes netmon* and netvitals* only),
# nobody/lab-nobody-1 (nothing). plain: http on ${PORT:-9201}. CERT=othername: that server
# certificate. Transport: port + 100. launch does not wait until it answers. The pid is in DIR/pid.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/jvm.sh
. "$here/jvm.sh"
version=2.19.1
dist=$cache/opensearch-$version

assemble() {
    local none='<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId>'
    local module=$dist/modules/transport-netty4 security=$dist/plugins/opensearch-security
    {
        dependency org.opensearch opensearch $version
        dependency org.opensearch opensearch-plugin-classloader $version # loads modules, plugins
        dependency org.apache.logging.log4j log4j-core 2.21.0            # optional in the pom
        dependency org.opensearch.plugin transport-netty4-client $version
        dependency org.opensearch.plugin opensearch-security $version.0 zip \
            "$none</exclusion></exclusions>"
    } | copy_jars "OpenSearch $version" "$dist"
    mkdir -p "$module" "$security"
    (cd "$security" && jar xf "$dist"/lib/opensearch-security-*.zip)
    rm "$dist"/lib/opensearch-security-*.zip
    # A module, not on the class path: the security plugin bundles the same jars.
    mv "$dist"/lib/{transport-netty4-client,netty-}*.jar "$module/"
    printf '%s\n' description=netty4 version=$version name=transport-netty4 \
        classname=org.opensearch.transport.Netty4Plugin java.version=11 \
        opensearch.version=$version has.native.controller=false \
        >"$module/plugin-descriptor.properties"
    cat >"$dist/launch/Launch.java" <<'J'
import java.nio.file.Path;
import java.util.Map;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.*;
public class Launch {
    public static void main(String[] a) throws Exception {
        Thread.currentThread().setUncaughtExceptionHandler((t, e) -> {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        });
        Environment env = InternalSettingsPreparer.prepareEnvironment(Settings.EMPTY,
            Map.of("path.home", a[0]), Path.of(a[0], "config"), () -> "lab");
        LogConfigurator.configure(env);
        Node node = new Node(env);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try { node.close(); } catch (Exception e) { e.printStackTrace(); }
        }));
        node.start();
        new java.util.concurrent.CountDownLatch(1).await();
    }
}
J
    javac -cp "$dist/lib/*" -d "$dist/launch" "$dist/launch/Launch.java"
}

# The users and their rights: files that the security plugin reads at the first start of a DIR.
secure_settings() {
    local folder=$dir/config/opensearch-security part
    ln -sfn "$dist/plugins" "$dir/plugins"
    "$here/testca.sh" "$dir/tls"
    mkdir -p "$folder"
    cp "$dir"/tls/*.pem "$dir"/tls/*.key "$dir/config/"
    cp "$dist"/plugins/opensearch-security/config/*.yml "$folder/"
    for part in "transport server" "http ${CERT:-server}"; do
        printf "plugins.security.ssl.${part% *}.%s\n" "pemcert_filepath: ${part#* }.pem" \
            "pemkey_filepath: ${part#* }.key" 'pemtrustedcas_filepath: ca.pem'
    done >>"$dir/config/opensearch.yml"
    cat >>"$dir/config/opensearch.yml" <<'Y'
plugins.security.ssl.http.enabled: true
plugins.security.allow_default_init_securityindex: true
plugins.security.audit.type: noop
Y
    cat >"$folder/internal_users.yml" <<'Y'
_meta: {type: internalusers, config_version: 2}
admin:
  hash: "$2b$04$j5SH6QNJrsIIbuPiRfkxpuzvA4ouRPus6WPQuCS.wqVIUty1G/YFi"
  backend_roles: [admin]
netmon: {hash: "$2b$04$ytwzeVf28sTuq2XAUeeSWOcPwMZtlh5rOmkyvnyJP4dz5xEefzS6."}
nobody: {hash: "$2b$04$9aoAbdkMOVs4WcH9Oz7TzeMh2Kq3IY.4jrUP9DIKLdgBDWkBlk5Zy"}
Y
    cat >"$folder/roles_mapping.yml" <<'Y'
_meta: {type: rolesmapping, config_version: 2}
all_access: {backend_roles: [admin]}
netmon_writer: {users: [netmon]}
Y
    cat >"$folder/roles.yml" <<'Y'
_meta: {type: roles, config_version: 2}
netmon_writer:
  cluster_permissions: [cluster_monitor, "indices:data/write/bulk"]
  index_permissions:
    - {index_patterns: ["netmon*", "netvitals*"], allowed_actions: [create_index, write]}
Y
}

start() {
    local mode=${1:-secure} url port
    [ "$mode" = secure ] && port=${PORT:-9243} || port=${PORT:-9201}
    free_of "$port"
    umask 077 # otherwise a screen of warnings
    settings "$dir" "$port" opensearch
    ln -sfn "$dist/modules" "$dir/modules"
    if [ "$mode" = secure ]; then
        secure_settings
        url=https://127.0.0.1:$port
    else
        url=http://127.0.0.1:$port
    fi
    launch "$dir" "$dist"
    [ "$command" = launch ] || wait_ready "$dir" "$url" -k -u admin:lab-admin-1
    echo "$url"
}

command=${1:?usage: opensearch.sh fetch | start DIR [secure|plain] | launch DIR | stop DIR}
once "$dist" assemble
[ "$command" = fetch ] && exit
dir=$(mkdir -p "${2:?DIR is missing}" && cd "$2" && pwd)
case $command in
    start | launch) start "${3:-}" ;;
    stop) stop_server "$dir" ;;
    *) echo "unknown command $command: fetch, start, launch, stop" >&2; exit 2 ;;
esac
