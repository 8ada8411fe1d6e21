# shellcheck shell=bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Sourced by opensearch.sh and elasticsearch.sh: a real server put together from its Maven jars,
# run by a small main of our own: no bootstrap checks, no security manager, any user may run it.
# Needs a JDK (11 to 17; javac, jar), mvn and curl.

cache=${NETVITALS_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/netvitals-lab}

# Tries a download three times.
try_thrice() {
    local what=$1 try
    shift
    for try in 1 2 3; do
        "$@" && return
        echo "download of $what failed ($try of 3)" >&2
        sleep $((try * 5))
    done
    echo "cannot download $what: is the package registry reachable?" >&2
    return 1
}

# dependency GROUP ARTIFACT VERSION [TYPE [EXTRA]]: an element for pom.xml.
dependency() {
    printf '<dependency><groupId>%s</groupId><artifactId>%s</artifactId>' "$1" "$2"
    printf '<version>%s</version><type>%s</type>%s</dependency>\n' "$3" "${4:-jar}" "${5:-}"
}

# copy_jars NAME DIST: DIST/lib gets the dependencies on stdin, with theirs.
copy_jars() {
    local name=$1 dist=$2
    for tool in javac jar mvn curl; do
        command -v "$tool" >/dev/null || {
            echo "$tool is missing: apt-get install openjdk-17-jdk-headless maven curl" >&2
            return 1
        }
    done
    mkdir -p "$dist/lib" "$dist/launch"
    {
        echo '<project><modelVersion>4.0.0</modelVersion><groupId>lab</groupId>'
        echo '<artifactId>lab</artifactId><version>1</version><dependencies>'
        cat
        echo '</dependencies></project>'
    } >"$dist/pom.xml"
    try_thrice "$name (Maven)" mvn -B -q -Dstyle.color=never -f "$dist/pom.xml" \
        -Dmaven.repo.local="$cache/m2" \
        org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$dist/lib"
}

# once DIST COMMAND: runs COMMAND to fill DIST, unless it is complete; one at a time.
once() (
    local dist=$1
    shift
    [ -e "$dist/complete" ] && return
    mkdir -p "$cache"
    exec 9>"$cache/.lock"
    flock 9
    [ -e "$dist/complete" ] && return
    rm -rf "$dist"
    "$@"
    touch "$dist/complete"
)

# stop DIR: ends the server of DIR, also a paused one, and waits.
stop_server() {
    local pid
    [ -s "$1/pid" ] || return 0
    pid=$(cat "$1/pid")
    kill "$pid" 2>/dev/null || :
    kill -CONT "$pid" 2>/dev/null || :
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    kill -9 "$pid" 2>/dev/null || :
    rm -f "$1/pid"
}

# settings DIR PORT PACKAGE: log4j2.properties, and the part of the settings that both share.
settings() {
    local dir=$1 port=$2 package=$3
    mkdir -p "$dir/config" "$dir/tmp"
    # HeaderWarningAppender: real "Warning: 299" headers on deprecated calls.
    cat >"$dir/config/log4j2.properties" <<P
rootLogger.level=warn
rootLogger.appenderRef.c.ref=c
appender.c.type=Console
appender.c.name=c
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d{ISO8601} %p %c{1.} %m%n
appender.w.type=HeaderWarningAppender
appender.w.name=w
logger.d.name=org.$package.deprecation
logger.d.level=info
logger.d.appenderRef.w.ref=w
P
    cat >"$dir/config/$package.yml" <<Y
discovery.type: single-node
network.host: 127.0.0.1
http.port: $port
transport.port: ${TRANSPORT_PORT:-$((port + 100))}
node.store.allow_mmap: false
cluster.routing.allocation.disk.threshold_enabled: false
Y
}

# launch DIR DIST: starts the server in the background; its pid in DIR/pid.
launch() {
    local dir=$1 dist=$2
    nohup setsid java -Xms512m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Djava.io.tmpdir="$dir/tmp" -Dlog4j2.disable.jmx=true \
        -Dlog4j2.formatMsgNoLookups=true -Dlog4j.shutdownHookEnabled=false \
        -Dio.netty.noUnsafe=true -cp "$dist/lib/*:$dist/launch" Launch "$dir" \
        >>"$dir/log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
}

# wait_ready DIR URL [CURL OPTION…]: until the cluster is yellow, 120 s at most.
wait_ready() {
    local dir=$1 url=$2 status
    shift 2
    for _ in $(seq 480); do
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || {
            echo "the server of $dir ended:" >&2
            tail -20 "$dir/log" >&2
            rm -f "$dir/pid"
            return 1
        }
        status=$(curl -s -m 5 -o /dev/null -w '%{http_code}' "$@" \
            "$url/_cluster/health?wait_for_status=yellow&timeout=1s" || :)
        [ "$status" = 200 ] && return
        sleep 0.25
    done
    echo "no answer 200 from $url in 120 s; its log:" >&2
    tail -20 "$dir/log" >&2
    return 1
}

# free_of PORT: fails when something listens there.
free_of() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        echo "port $1 is in use: stop what listens there, or set PORT" >&2
        return 1
    fi
}
