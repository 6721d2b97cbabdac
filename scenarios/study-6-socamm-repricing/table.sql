.mode markdown --wrap 0
SELECT u.a AS 'modules of each Vera', ifnull(CAST(round(g.mean) AS INT), 0) AS 'GB, four GPUs', u.text AS 'users in time', max(iif(c.b = 20, c.text, NULL)) AS 'US$/M output at 20 US$/GB',
       max(iif(c.b = 32.5, c.text, NULL)) AS 'at 32.5', max(iif(x.b = 32.5, x.text, NULL)) AS 'at 32.5, of 8 x 192 GB at 20', u.n
FROM shown u LEFT JOIN ci g ON g.a = u.a AND g.name = 'gb' JOIN shown c ON c.a = u.a AND c.name = 'usd' JOIN shown x ON x.a = u.a AND x.b = c.b AND x.name = 'against'
WHERE u.name = 'users' GROUP BY u.a ORDER BY g.mean, u.a;
.mode list
SELECT '';
.mode markdown --wrap 0
SELECT price AS 'US$/GB to the buyer', at.what AS basis, max(iif(rank = 1, printf('%s: %.2f', c.a, c.mean), NULL)) AS 'cheapest filling, US$/M output', max(iif(rank = 2, printf('%s: %.2f', c.a, c.mean), NULL)) AS 'next',
       max(iif(rank = 1, printf('%.0f %%', 100 * often), NULL)) AS 'cheapest in so many repetitions'
FROM at JOIN (SELECT c.a, c.b, c.mean, row_number() OVER (PARTITION BY c.b ORDER BY c.mean) AS rank, (SELECT avg(value) FROM obs o WHERE o.name = 'best' AND o.a = c.a AND o.b = c.b) AS often
              FROM ci c WHERE c.name = 'usd') c ON c.b = price
GROUP BY price ORDER BY price;
