#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# elasticsearch.sh fetch | start DIR | stop DIR
# A real Elasticsearch OSS 7.10.2, the last free one that takes the typed form of requests: one node
# on http://127.0.0.1:${PORT:-9207}, without users. Transport: port + 100. The pid is in DIR/pid.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/jvm.sh
. "$here/jvm.sh"
version=7.10.2
dist=$cache/elasticsearch-$version

assemble() {
    {
        dependency org.elasticsearch elasticsearch $version
        dependency org.apache.logging.log4j log4j-core 2.11.1 # optional in the pom
        dependency org.elasticsearch.plugin transport-netty4-client $version
    } | copy_jars "Elasticsearch $version" "$dist"
    # A Node of our own with plugins from the class path: its plugin loader is not on Maven.
    cat >"$dist/launch/Launch.java" <<'J'
import java.nio.file.Path;
import java.util.*;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.*;
import org.elasticsearch.transport.Netty4Plugin;
public class Launch extends Node {
    Launch(Environment env) { super(env, List.of(Netty4Plugin.class), false); }
    public static void main(String[] a) throws Exception {
        Thread.currentThread().setUncaughtExceptionHandler((t, e) -> {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        });
        Environment env = InternalSettingsPreparer.prepareEnvironment(Settings.EMPTY,
            Map.of("path.home", a[0]), Path.of(a[0], "config"), () -> "lab");
        LogConfigurator.configure(env);
        Node node = new Launch(env);
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

start() {
    local port=${PORT:-9207}
    free_of "$port"
    settings "$dir" "$port" elasticsearch
    launch "$dir" "$dist"
    wait_ready "$dir" "http://127.0.0.1:$port"
    echo "http://127.0.0.1:$port"
}

command=${1:?usage: elasticsearch.sh fetch | start DIR | stop DIR}
once "$dist" assemble
[ "$command" = fetch ] && exit
dir=$(mkdir -p "${2:?DIR is missing}" && cd "$2" && pwd)
case $command in
    start) start ;;
    stop) stop_server "$dir" ;;
    *) echo "unknown command $command: fetch, start, stop" >&2; exit 2 ;;
esac
