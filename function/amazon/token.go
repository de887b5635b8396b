package amazon

import (
	"context"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
)

// token signs what stands for the password by IAM: for exactly the host, port
// and user of l, good for beginning a session within 15 minutes. There is no
// call: it is signed here.
func (s *Source) token(ctx context.Context, l Login) (Password, error) {
	sdk, err := s.configure(ctx)
	if err != nil {
		return Password{}, err
	}
	region := s.region()
	if region == "" {
		return Password{}, failure("the region of "+l.Host+" is not known, and a token of IAM is for one", "Set AWS_REGION.", nil)
	}
	text, err := auth.BuildAuthToken(ctx, l.Address(), region, l.User, sdk.Credentials)
	if err != nil {
		return Password{}, failure("a token of IAM for "+l.User+" at "+l.Address()+" cannot be signed: "+err.Error(), "Check the credentials of AWS in the environment.", err)
	}
	return hidden(text), nil
}

var rdsHost = regexp.MustCompile(`\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.rds\.amazonaws\.com(?:\.cn)?\.?$`)

// region is that of the cluster; for names that do not tell it, that of the
// function, "" where nothing says so.
func (s *Source) region() string {
	if region := regionOf(s.database.Host); region != "" || s.sdk == nil {
		return region
	}
	return s.sdk.Region
}

// regionOf reads it out of the name of an endpoint of RDS; "" for other names.
func regionOf(host string) string {
	m := rdsHost.FindStringSubmatch(host)
	if m == nil {
		return ""
	}
	return m[1]
}
