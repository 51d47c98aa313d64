"""AWS Step Functions, over boto3."""
