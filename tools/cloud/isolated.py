"""Import this first: nothing that the machine says of AWS counts from then on, no region, profile, endpoint or proxy."""

import os

REGION = "us-east-1"

for name in [n for n in os.environ if n.startswith(("AWS_", "SAM_", "MOTO_", "BOTO_"))]:
    del os.environ[name]
os.environ.update({
    "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1",
})
