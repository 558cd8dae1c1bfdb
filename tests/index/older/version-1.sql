BEGIN TRANSACTION;
CREATE TABLE faces (
    id INTEGER PRIMARY KEY,
    photo_id INTEGER NOT NULL REFERENCES photos(id) ON DELETE CASCADE,
    x REAL NOT NULL,
    y REAL NOT NULL,
    w REAL NOT NULL,
    h REAL NOT NULL,
    detection REAL NOT NULL,
    landmarks TEXT NOT NULL,
    sharpness REAL NOT NULL,
    emotion TEXT NOT NULL,
    confidence REAL NOT NULL,
    angry REAL, disgust REAL, fear REAL, happy REAL, sad REAL, surprise REAL, neutral REAL
);
INSERT INTO "faces" VALUES(1,1,0.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'happy',0.9,0.01,0.01,0.01,0.9,0.02,0.02,0.03);
INSERT INTO "faces" VALUES(2,1,1000.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'sad',0.6,0.1,0.02,0.05,0.13,0.6,0.03,0.07);
INSERT INTO "faces" VALUES(3,2,0.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'happy',0.9,0.01,0.01,0.01,0.9,0.02,0.02,0.03);
INSERT INTO "faces" VALUES(4,2,1000.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'happy',0.9,0.01,0.01,0.01,0.9,0.02,0.02,0.03);
INSERT INTO "faces" VALUES(5,3,0.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'happy',0.41,0.1,0.05,0.05,0.41,0.09,0.1,0.2);
INSERT INTO "faces" VALUES(6,3,1000.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'angry',0.3,0.3,0.28,0.1,0.02,0.1,0.1,0.1);
INSERT INTO "faces" VALUES(7,4,100.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'happy',0.9,0.01,0.01,0.01,0.9,0.02,0.02,0.03);
INSERT INTO "faces" VALUES(8,4,1000.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'happy',0.9,0.01,0.01,0.01,0.9,0.02,0.02,0.03);
INSERT INTO "faces" VALUES(9,5,100.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'happy',0.9,0.01,0.01,0.01,0.9,0.02,0.02,0.03);
INSERT INTO "faces" VALUES(10,5,900.0,150.0,24.0,30.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'sad',0.6,0.1,0.02,0.05,0.13,0.6,0.03,0.07);
INSERT INTO "faces" VALUES(11,5,1200.0,150.0,152.0,190.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',0.0,'happy',0.41,0.1,0.05,0.05,0.41,0.09,0.1,0.2);
INSERT INTO "faces" VALUES(12,6,100.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'happy',0.41,0.1,0.05,0.05,0.41,0.09,0.1,0.2);
INSERT INTO "faces" VALUES(13,6,2000.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'angry',0.3,0.3,0.28,0.1,0.02,0.1,0.1,0.1);
INSERT INTO "faces" VALUES(14,7,-90.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'sad',0.6,0.1,0.02,0.05,0.13,0.6,0.03,0.07);
INSERT INTO "faces" VALUES(15,7,2000.0,150.0,160.0,200.0,0.99,'[[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.5, 40.0], [27.5, 40.0]]',120.5,'happy',0.9,0.01,0.01,0.01,0.9,0.02,0.02,0.03);
CREATE TABLE others (
    path PRIMARY KEY NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "others" VALUES('/photos/notes.txt',5,1);
CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    path UNIQUE NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    digest TEXT,
    width INTEGER,
    height INTEGER,
    taken_at TEXT,
    camera TEXT,
    phash TEXT,
    status TEXT NOT NULL CHECK (status IN ('ok', 'error')),
    error TEXT,
    scan_id INTEGER NOT NULL REFERENCES scans(id)
);
INSERT INTO "photos" VALUES(1,'/photos/burst0.jpg',1000,1700000000000000001,'2f70686f746f732f6275727374302e6a7067',4000,3000,'2024-05-17T12:00:00+02:00','A','00ff00ff00ff00ff','ok',NULL,1);
INSERT INTO "photos" VALUES(2,'/photos/burst1.jpg',1000,1700000000000000001,'2f70686f746f732f6275727374312e6a7067',4000,3000,'2024-05-17T12:00:01+02:00','A','00ff00ff00ff00ff','ok',NULL,1);
INSERT INTO "photos" VALUES(3,'/photos/burst2.jpg',1000,1700000000000000001,'2f70686f746f732f6275727374322e6a7067',4000,3000,'2024-05-17T12:00:02+02:00','A','00ff00ff00ff00ff','ok',NULL,1);
INSERT INTO "photos" VALUES(4,'/photos/copy.jpg',1000,1700000000000000001,'2f70686f746f732f6275727374312e6a7067',4000,3000,NULL,NULL,'00ff00ff00ff00ff','ok',NULL,1);
INSERT INTO "photos" VALUES(5,X'2F70686F746F732F636166E92E6A7067',1000,1700000000000000001,'2f70686f746f732f636166e92e6a7067',4000,3000,NULL,NULL,'00ff00ff00ff00ff','ok',NULL,1);
INSERT INTO "photos" VALUES(6,'/photos/mild.jpg',1000,1700000000000000001,'2f70686f746f732f6d696c642e6a7067',4000,3000,'2023-12-31','B','00ff00ff00ff00ff','ok',NULL,1);
INSERT INTO "photos" VALUES(7,'/photos/edge.jpg',1000,1700000000000000001,'2f70686f746f732f656467652e6a7067',4000,3000,'2022-01-01T00:00:00','B','00ff00ff00ff00ff','ok',NULL,1);
INSERT INTO "photos" VALUES(8,'/photos/empty.jpg',1000,1700000000000000001,'2f70686f746f732f656d7074792e6a7067',4000,3000,'2024-05-17T12:00:01','B','00ff00ff00ff00ff','ok',NULL,1);
INSERT INTO "photos" VALUES(9,'/photos/broken.jpg',1000,1700000000000000001,'2f70686f746f732f62726f6b656e2e6a7067',NULL,NULL,NULL,NULL,NULL,'error','not an image',1);
CREATE TABLE scans (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    settings TEXT NOT NULL,
    model TEXT
);
INSERT INTO "scans" VALUES(1,'2026-11-27T23:56:10+00:00','2026-11-27T23:56:10+00:00','{"paths": ["/photos"], "threshold": 0.5}','emotion 0123456789ab');
CREATE INDEX photos_by_digest ON photos(digest);
CREATE INDEX photos_with_errors ON photos(path) WHERE status = 'error';
CREATE INDEX faces_by_photo ON faces(photo_id);
CREATE INDEX faces_angry ON faces(angry DESC, confidence, photo_id) WHERE emotion = 'angry';
CREATE INDEX faces_disgust ON faces(disgust DESC, confidence, photo_id) WHERE emotion = 'disgust';
CREATE INDEX faces_fear ON faces(fear DESC, confidence, photo_id) WHERE emotion = 'fear';
CREATE INDEX faces_happy ON faces(happy DESC, confidence, photo_id) WHERE emotion = 'happy';
CREATE INDEX faces_sad ON faces(sad DESC, confidence, photo_id) WHERE emotion = 'sad';
CREATE INDEX faces_surprise ON faces(surprise DESC, confidence, photo_id) WHERE emotion = 'surprise';
CREATE INDEX faces_neutral ON faces(neutral DESC, confidence, photo_id) WHERE emotion = 'neutral';
COMMIT;
PRAGMA user_version = 1;
