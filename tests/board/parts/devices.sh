#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# A sweep finds its peers on a real kernel of a router, and listening hears them.

board veth lan0 peer0
ip address add 10.9.0.1/24 dev lan0
board lan peer0 10.9.0.2 50 0 netvitals devices -i lan0 --json --no-ptr >devices.json
[ "$(grep -c '"rttUs":' devices.json)" = 50 ]
sed -n 7p devices.json |
    grep '^{"ip":"10.9.0.8","mac":"02:01:0a:09:00:08","deviceName":"","status":"active"'

# Kernel stamps are of this century, and an answer takes less than a second.
[ "$(grep -cE '"rttUs":[0-9]{1,6}}' devices.json)" = 50 ]

netvitals devices -i lan0 --passive 4s --json >heard.json &
sleep 1
board lan peer0 10.9.0.2 1 0 arping -c 2 -w 3 -I lan0 10.9.0.2
wait $!
grep '"ip":"10.9.0.2","mac":"02:01:0a:09:00:02"' heard.json

netvitals devices -i lo && exit 1
[ $? = 1 ]
