"""The AWS platform of StereoSpot: DynamoDB, SQS and S3."""
