#!/bin/sh
# Prints the manifest of the kubectl plugin for krew, from the archives of a release.
#
# usage: manifest.sh VERSION BASE_URL ARCHIVE..
#
# Each archive is called npv-OS-ARCH.tar.gz, as in npv-linux-amd64.tar.gz, and holds the binary under the name
# kubectl-npv, and the LICENSE. To try one: kubectl krew install --manifest=npv.yaml --archive=ARCHIVE
set -eu

if [ "$#" -lt 3 ]; then
  echo "usage: $0 VERSION BASE_URL ARCHIVE.." >&2
  exit 2
fi
version=$1
base=$2
shift 2

cat << MANIFEST
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: npv
spec:
  version: "v${version#v}"
  homepage: https://github.com/OWNER/npv
  shortDescription: Verify network policies before they are deployed
  description: |
    Answers, from manifests alone, who can reach whom over what, which rule says so, and what is wrong with the
    network policies: kubectl npv check deploy/
  platforms:
MANIFEST

for archive; do
  name=$(basename "$archive")
  platform=${name#npv-}
  platform=${platform%.tar.gz}
  os=${platform%%-*}
  arch=${platform#*-}
  case "$platform" in
    "$name" | "$os" | *-*-*) echo "$0: \`$name\` is not called npv-OS-ARCH.tar.gz" >&2; exit 1 ;;
  esac
  if ! tar -tzf "$archive" | grep -qx 'kubectl-npv'; then
    echo "$0: there is no kubectl-npv in \`$archive\`" >&2
    exit 1
  fi
  hash=$(sha256sum "$archive")
  cat << PLATFORM
    - selector:
        matchLabels:
          os: $os
          arch: $arch
      uri: $base/$name
      sha256: ${hash%% *}
      files:
        - from: kubectl-npv
          to: .
        - from: LICENSE
          to: .
      bin: kubectl-npv
PLATFORM
done
