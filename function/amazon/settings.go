package amazon

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const defaultPort = 5432

// names are the settings that say where the database is and where its
// credentials are. MIGRATE_CLUSTER_ID is beside them: it is of every pipeline.
var names = []string{"DB_AUTH", "DB_HOST", "DB_NAME", "DB_PORT", "DB_ROOT_CERTIFICATES", "DB_SECRET_ARN", "DB_USER"}

// Named are those settings of values that begin with DB_ and are set. Where
// there are none, nothing is configured here, and FromSettings is not to be
// called.
func Named(values map[string]string) (set []string) {
	for name, v := range values {
		if strings.HasPrefix(name, "DB_") && v != "" {
			set = append(set, name)
		}
	}
	slices.Sort(set)
	return set
}

// FromSettings reads values by the names of the settings; one that is empty is
// not set. The error tells everything that is wrong, a line each. A root
// certificate that is named by its path is read; nothing else is.
func FromSettings(values map[string]string) (*Source, error) {
	d := Database{SecretARN: values["DB_SECRET_ARN"], Name: values["DB_NAME"], User: values["DB_USER"], Cluster: values["MIGRATE_CLUSTER_ID"]}
	wrong := []error{
		readAuth(values["DB_AUTH"], &d.Auth),
		readHost(values["DB_HOST"], &d.Host),
		portNumber(values["DB_PORT"], &d.Port),
		checkARN(d.SecretARN),
		readRoots(values["DB_ROOT_CERTIFICATES"], &d.Roots),
		complete(values),
	}
	for _, name := range Named(values) {
		if !slices.Contains(names, name) {
			wrong = append(wrong, fmt.Errorf("%q is an unknown setting: there are %s", name, strings.Join(names, ", ")))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return New(d), nil
}

func readAuth(v string, into *Auth) error {
	*into = Auth(cmp.Or(v, string(FromSecret)))
	if *into != FromSecret && *into != ByIAM {
		return fmt.Errorf("DB_AUTH is %q: want %s or %s", v, FromSecret, ByIAM)
	}
	return nil
}

// complete says what is lacking for the way that was chosen, and what does not
// go together with it.
func complete(values map[string]string) error {
	if values["DB_AUTH"] != string(ByIAM) {
		if values["DB_SECRET_ARN"] == "" {
			return fmt.Errorf("DB_SECRET_ARN is not set: it says where the password is; set DB_AUTH to %s to go without one", ByIAM)
		}
		return nil
	}
	var wrong []error
	for _, name := range []string{"DB_HOST", "DB_NAME", "DB_USER"} {
		if values[name] == "" {
			wrong = append(wrong, fmt.Errorf("%s is not set: with DB_AUTH %s there is no secret that could say it", name, ByIAM))
		}
	}
	if values["DB_SECRET_ARN"] != "" {
		wrong = append(wrong, fmt.Errorf("DB_SECRET_ARN is set, and with DB_AUTH %s no secret is read: leave out one of the two", ByIAM))
	}
	return errors.Join(wrong...)
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func readHost(v string, into *string) error {
	if v != "" && !isHost(v) {
		return fmt.Errorf("DB_HOST is %q: want a host name alone, without scheme and port", v)
	}
	*into = v
	return nil
}

func isHost(v string) bool {
	_, err := netip.ParseAddr(v)
	return err == nil || hostName.MatchString(v)
}

func portNumber(v string, into *uint16) error {
	if v == "" {
		return nil
	}
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("DB_PORT is %q: want a port, 1 to 65535", v)
	}
	*into = uint16(n)
	return nil
}

// arnOfSecret has the region as its first group.
var arnOfSecret = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:\S+$`)

func checkARN(v string) error {
	if v == "" || arnOfSecret.MatchString(v) {
		return nil
	}
	const want = "want the whole ARN of a secret, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf"
	if !strings.HasPrefix(v, "arn:") { // perhaps the secret itself
		return errors.New("DB_SECRET_ARN is no ARN: " + want)
	}
	return fmt.Errorf("DB_SECRET_ARN is %q: %s", v, want)
}
