package devdb

import (
	"os"
	"runtime"
)

// release is one prebuilt PostgreSQL: its version, and the SHA-256 of the archive for
// each platform that it was built for.
type release struct {
	version string
	digests map[string]string
}

// releases are the newest minors of each major in the Maven artifacts
// io.zonky.test.postgres:embedded-postgres-binaries-PLATFORM (the ones that
// fergusstrange/embedded-postgres runs). They hold initdb, pg_ctl, postgres and contrib; no
// psql, no pg_dump.
var releases = map[int]release{
	15: {"15.19", map[string]string{
		"linux-amd64":        "95f0b66fe72d4ca66c815773c44cb1196ea38552463e89a35f18114b3ed1565f",
		"linux-arm64v8":      "95baf4bd4af31b91b3050118df59388ed0064756b556b850669e0300aa7b9911",
		"linux-amd64-alpine": "a04a72fb429fed3624507f54244a69f43be491c67f744e58c1a3696a67262aab",
		"darwin-amd64":       "11d0a55e26f4c74c6ea6c72c5e4e6ac959b29a06cc6da5e5ac8162f9fd9f8055",
		"darwin-arm64v8":     "9bfc44d3f50298bb14fa125da4b67a36f382f8134ab2fc95349b72bcd5ec4e87",
	}},
	16: {"16.15", map[string]string{
		"linux-amd64":          "653abc065c682b85d3da50168fb95dc524bd85426cdec9ce3695a550ef431df2",
		"linux-arm64v8":        "f846a9989d686b7977d6eca9bc9d8b2b69e3f70c7eb60e032197d9c574a6136c",
		"linux-amd64-alpine":   "6bcfdb579fae7fb11e6ea2dba2cc8086c14cc58506db49ad36ce4d70de250dd6",
		"linux-arm64v8-alpine": "1842bbbb3232a9f14fe86609d902f76a9b763b11f9bd1c46c1c33b6a2c874409",
		"darwin-amd64":         "1229188b99515d2160d5cb6222bc96d9c5f3a248268df3bc2dfe0047e6c233d8",
		"darwin-arm64v8":       "65b953905f0a4d46030767a6b44a52360170d69a7985f1b02aa435f2f6256a83",
	}},
	17: {"17.11", map[string]string{
		"linux-amd64":        "0dd7b72b6f335b8ecfb355fa24c5781e8a93edd09880bb77eb52ebbf29b3e96d",
		"linux-arm64v8":      "8b042e0ea418b1927d95399207950da0734d27fe01e29503ade3bdc464ad4c2b",
		"linux-amd64-alpine": "ace9a6f95b1c98ce84c9841267cd04ebee5d7de5dc7b8fea148ead44f145afbd",
		"darwin-amd64":       "d464ff178e9860ba204662ac23fa547504b7fd392392ff2fb92e3fd73b5bdb64",
		"darwin-arm64v8":     "a1c2786acb0c398f9b2d76806fc52f5dc8b222cbc8e9383a9b9702084daaf3a5",
	}},
	18: {"18.6", map[string]string{
		"linux-amd64":        "008ee189eaa7ca2b58bd01dd950291e638b998392cf982297acd4779ec898ac1",
		"linux-arm64v8":      "5f54e016723afa6213925a8acb939bac52944b1d348f65c7a20f0cd2928c31be",
		"linux-amd64-alpine": "1568b3805c3a3b99b5f4f0d7f6cf16e2a39075462ed47a614bfbabd92508350d",
		"darwin-amd64":       "690941008aac9ee360820fde9bb7870a4f3dcac5e9e2f9e45e42333a436ad0f9",
		"darwin-arm64v8":     "8f6ed6f38195b50a40712ada8b2a12060b6193c1a6977a6eb5cff053bb5a1b89",
	}},
}

// platform names this machine as the artifacts do.
func platform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil && runtime.GOOS == "linux" {
		arch += "-alpine" // musl instead of glibc
	}
	return runtime.GOOS + "-" + arch
}

// archive returns the file name of r for a platform.
func (r release) archive(platform string) string {
	return "embedded-postgres-binaries-" + platform + "-" + r.version + ".0.jar"
}

// url returns where r for a platform lies in a Maven repository.
func (r release) url(repository, platform string) string {
	return repository + "/io/zonky/test/postgres/embedded-postgres-binaries-" + platform + "/" + r.version + ".0/" + r.archive(platform)
}
