#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# testca.sh DIR: certificates for the lab, made once. ca.pem, and an unrelated otherca.pem; pairs
# (.pem and .key) server (localhost, 127.0.0.1, ::1), expired (the same names, ended in 2021),
# othername (other.example only). Nothing happens when DIR/server.pem is there. OpenSSL 1.1.1.
set -euo pipefail
[ $# = 1 ] || { echo "usage: testca.sh DIR" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
[ -s server.pem ] && exit 0
umask 077
exec 3>&2 2>openssl.log
trap '[ $? = 0 ] || cat openssl.log >&3' EXIT

ca() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$2" \
        -keyout "$1.key" -out "$1.pem" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,cRLSign
}

# pair NAME CN SAN EKU [expired]
pair() {
    openssl req -newkey rsa:2048 -nodes -subj "/O=netvitals-lab/CN=$2" -keyout "$1.key" \
        -out "$1.csr"
    printf '%s\n' "subjectAltName=$3" "extendedKeyUsage=$4" \
        keyUsage=digitalSignature,keyEncipherment basicConstraints=CA:FALSE >extensions
    if [ "${5:-}" = expired ]; then # openssl x509 refuses negative days, openssl ca takes dates
        : >index
        echo unique_subject=no >index.attr
        printf '%s\n' '[ca]' default_ca=d '[d]' database=index new_certs_dir=. rand_serial=yes \
            default_md=sha256 policy=p '[p]' O=optional CN=supplied >ca.cnf
        openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -notext \
            -startdate 20200101000000Z -enddate 20210101000000Z \
            -extfile extensions -in "$1.csr" -out "$1.pem"
    else
        openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
            -sha256 -extfile extensions -out "$1.pem"
    fi
}

local_names=DNS:localhost,IP:127.0.0.1,IP:::1
ca ca "netvitals lab CA"
ca otherca "unrelated lab CA"
pair expired localhost "$local_names" serverAuth expired
pair othername other.example DNS:other.example serverAuth
pair server localhost "$local_names" serverAuth,clientAuth
rm -f ./*.csr extensions index* ca.cnf ca.srl [0-9A-F]*.pem
chmod 644 ./*.pem
